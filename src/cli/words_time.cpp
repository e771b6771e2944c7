// How fast a layer is, how sure that is, and where its time goes.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"throughput", "speed", "처리량",
     "Tokens a second through all layers of the stack. MoE, dense layers and yardstick take turns on the "
     "same batches, so where the machine is busy their ratios are worth more than the times.",
     "모든 층을 지나는 초당 토큰 수입니다. MoE, 밀집 층, 잣대를 같은 배치로 번갈아 재므로, 컴퓨터가 바쁠 "
     "때는 시간 자체보다 서로의 비율이 더 믿을 만합니다."},
    {"tokens_per_s", "tokens/s", "초당 토큰 수",
     "Tokens of a batch over the seconds of a step, through all layers: median, with .lo and .hi the ends of "
     "its 95 % interval (of fewer than six samples: their range).",
     "배치의 토큰 수를 한 스텝의 시간(초)으로 나눈 값으로, 모든 층을 지난 속도입니다. 중앙값이며 .lo와 .hi는 "
     "95 % 구간의 양 끝입니다(표본이 여섯보다 적으면 그 범위)."},
    {"interval", ".lo|.hi|lo|hi|95 % intervals|confidence interval|구간", "신뢰 구간",
     "Where the true median lies, with 95 % confidence: from the order of the samples alone, interpolated "
     "(Hettmansperger and Sheather 1986). Of fewer than six samples their range.",
     "참 중앙값이 95 % 신뢰도로 놓이는 범위입니다. 표본의 순서만으로 구합니다(Hettmansperger와 Sheather "
     "1986). 표본이 여섯보다 적으면 그 범위입니다."},
    {"ratio_to_moe", "ratio", "",
     "tokens/s of a dense variant over tokens/s of the MoE, measured side by side in the same rounds. Above "
     "1 the dense layer is faster.",
     "같은 라운드에서 나란히 잰, 밀집 층의 초당 토큰 수를 MoE의 것으로 나눈 값입니다. 1보다 크면 밀집 층이 "
     "빠릅니다."},
    {"gflops", "GFLOP/s", "",
     "Billions of multiplications and additions a second, from closed forms and the median time of a step.",
     "초당 10억 번 단위의 곱셈·덧셈 수입니다. 식으로 센 연산량과 한 스텝의 중앙값 시간에서 구합니다."},
    {"step_seconds", "", "", "Seconds of a step of one batch through all layers: the median.",
     "배치 하나가 모든 층을 지나는 시간(초)의 중앙값입니다."},
    {"sample", "", "표본",
     "One measurement of a variant: the seconds of one or more steps in a row (steps_per_sample); charts "
     "show "
     "each. samples: how many times a variant was so timed.",
     "변형 하나를 한 번 잰 것, 곧 스텝 하나(또는 steps_per_sample개)를 이어서 잰 시간입니다. 차트에는 하나씩 "
     "나옵니다. 결과의 samples는 변형마다 그렇게 잰 횟수입니다."},
    {"outlier", "", "이상치",
     "Samples further from the median than 14.8 median absolute deviations: counted, never left out.",
     "중앙값에서 중앙값 절대 편차의 14.8배보다 멀리 떨어진 표본입니다. 세기만 하고 빼지는 않습니다."},
    {"round", "", "라운드",
     "One turn of all variants, in mirrored order: A B C, then C B A. A round gives one sample of each.",
     "모든 변형을 한 번씩 재는 차례이며, A B C 다음에는 C B A처럼 거꾸로 돕니다. 한 라운드에서 변형마다 "
     "표본이 하나씩 나옵니다."},
    {"steps_per_sample", "", "",
     "Steps timed in a row as one sample, where one step alone would be shorter than a millisecond.",
     "한 표본으로 이어서 잰 스텝 수입니다. 한 스텝이 1밀리초보다 짧으면 여럿을 잇습니다."},
    {"yardstick", "yardstick_ratio", "잣대",
     "A fixed dense product (swiglu, 512 → 1024, 256 rows) through the run's own executor. yardstick_ratio: "
     "GFLOP/s of the MoE over GFLOP/s of the yardstick in the same run; near 1 routing cost nothing. It "
     "survives a change of hour; absolute times do not.",
     "같은 실행기로 함께 재는, 크기가 정해진 밀집 곱(swiglu, 512 → 1024, 256행)입니다. yardstick_ratio는 "
     "MoE의 GFLOP/s를 잣대의 GFLOP/s로 나눈 값이며, 1에 가까우면 라우팅에 든 비용이 없다는 뜻입니다. 절대 "
     "시간은 때에 따라 변해도 이 비율은 남습니다."},
    {"effective_cores", "cores worth", "",
     "How many cores the threads really had: scaling of a loop that never leaves the registers, measured in "
     "the same run. n · (its seconds on one thread) / (seconds of n such loops at once).",
     "스레드가 실제로 쓴 코어 수입니다. 레지스터를 벗어나지 않는 반복문이 스레드를 늘릴 때 얼마나 "
     "빨라지는지를 같은 실행에서 잽니다. n · (스레드 하나의 시간) / (n개를 함께 돌린 시간)입니다."},
    {"worker_balance", "balanced", "",
     "Mean busy time of the threads over the busiest one's, in steps of the MoE: 1 when all worked equally.",
     "MoE 스텝에서 스레드가 일한 시간의 평균을 가장 바쁜 스레드의 시간으로 나눈 값입니다. 1이면 모두 똑같이 "
     "일했습니다."},
    {"participants", "", "", "Threads that took part in the timed steps.",
     "시간을 잰 스텝에 참여한 스레드 수입니다."},
    {"thread", "", "스레드", "Threads that compute: by default one for each usable core; -j changes it.",
     "계산하는 스레드 수입니다. 기본은 쓸 수 있는 코어마다 하나이고, -j로 바꿉니다."},
    {"weight_bytes_read", "", "",
     "Fewest bytes of weights that any variant reads in a step: what decides between warm and cold.",
     "한 스텝에서 가중치를 가장 적게 읽는 변형이 읽는 바이트입니다. 이것으로 warm과 cold를 가립니다."},
    {"cold_threshold_bytes", "", "", "Where cold begins: four last-level caches, or 1 GiB if that is less.",
     "cold로 보는 경계입니다. 마지막 단계 캐시의 네 배와 1 GiB 가운데 작은 쪽입니다."},
    {"layers_for_cold", "", "", "layer.num_layers from which the weights of a step are cold.",
     "가중치가 cold가 되기 시작하는 layer.num_layers입니다."},
    {"warm", "", "웜",
     "Much of the weights of a step may still be in the caches (they are less than four last-level caches, "
     "and less than 1 GiB), so small batches look faster than they would inside a whole model. More layers "
     "(layer.num_layers) make them cold.",
     "한 스텝의 가중치가 캐시에 남아 있을 만한 크기입니다(마지막 단계 캐시의 네 배와 1 GiB보다 작음). 작은 "
     "배치가 실제 모델 안에서보다 빨라 보입니다. 층을 늘리면(layer.num_layers) cold가 됩니다."},
    {"cold", "", "콜드",
     "Each step reads more bytes of weights than four last-level caches hold (or than 1 GiB, if that is "
     "less), as inside a whole model.",
     "스텝마다 읽는 가중치가 마지막 단계 캐시의 네 배(1 GiB가 더 작으면 그것)보다 커서, 실제 모델 안에서처럼 "
     "메모리에서 읽습니다."},
    {"timing", "timing.verdict", "",
     "The verdict on the times of a run: ok, noisy or invalid, with the reasons; not_timed where nothing was "
     "measured. Balance and drops do not depend on any clock and hold in each case.",
     "잰 시간을 믿을 수 있는지에 대한 판정으로, ok, noisy, invalid와 그 까닭입니다. 아무것도 재지 않았으면 "
     "not_timed입니다. 균형과 버려진 비율은 시간과 무관하므로 언제나 유효합니다."},
    {"ok", "", "",
     "The intervals are as narrow as measure.target asks and the cores were there: figures may be quoted.",
     "구간이 measure.target만큼 좁고 코어도 온전히 쓸 수 있었습니다. 수치를 인용해도 됩니다."},
    {"noisy", "", "",
     "The interval of a figure is wider than measure.target, or the cores were shared with other work. "
     "Repeat with --budget 60, with nothing else running.",
     "어떤 수치의 구간이 measure.target보다 넓거나 코어를 다른 작업과 나누어 썼습니다. 다른 작업을 끝내고 "
     "--budget 60으로 다시 재십시오."},
    {"invalid", "", "",
     "The times mean nothing: a debug or sanitizer build, a checking executor, or too few samples.",
     "시간에 의미가 없습니다. 디버그·새니타이저 빌드이거나, 검사용 실행기를 썼거나, 표본이 너무 적습니다."},
    {"not_timed", "", "", "Nothing was timed, for example because the run was stopped before.",
     "시간을 재지 않았습니다. 재기 전에 멈춘 실행 등이 그렇습니다."},
    {"reasons", "timing.reasons", "", "Why a run's times are noisy or invalid.",
     "시간이 noisy나 invalid인 까닭입니다."},
    {"seconds", "where the time goes|stage", "단계별 시간",
     "Where the time of one MoE step goes, medians: norm, gate (scoring), route (choosing), plan (who runs "
     "where), dispatch (gathering rows), experts (their products), combine (weighted sums). measure.seconds: "
     "how long the measuring took.",
     "MoE 한 스텝의 시간이 어느 단계에서 쓰이는지를 중앙값으로 보여 줍니다. norm(정규화), gate(점수 매기기), "
     "route(고르기), plan(배치 계획), dispatch(행 모으기), experts(전문가의 곱), combine(가중합)입니다. "
     "measure.seconds는 측정에 걸린 시간입니다."},
    {"route", "", "",
     "As a stage: choosing experts from the scores. As a command: your own logits or hidden states through "
     "any router.",
     "단계로는 점수를 보고 전문가를 고르는 일, 명령으로는 가진 로짓이나 은닉 상태를 아무 라우터에나 넣어 "
     "보는 일입니다."},
    {"plan", "dispatch plan", "",
     "As a stage: from all choices to the rows of each expert, after capacity and drops.",
     "선택들로부터 전문가마다의 행을 정하는 단계입니다. 용량과 버림이 여기서 적용됩니다."},
    {"dispatch", "", "디스패치", "Gathering tokens' rows into the experts' order.",
     "토큰의 행을 전문가 순서로 모으는 단계입니다."},
    {"combine", "", "결합", "The weighted sum of the experts' outputs, back to the tokens.",
     "전문가들의 출력을 가중합하여 토큰으로 되돌리는 단계입니다."},
    // limits
    {"limit_fraction", "of its limit", "",
     "What a stage reached of its own limit: the longer of its FLOPs over the multiply-add peak and its "
     "bytes over the speed of plain reads, both measured between the rounds of the same run, over its "
     "seconds. A stage whose limit is not modelled (route, plan) has none; above 1 the bytes came from the "
     "caches.",
     "단계가 자기 한계에 얼마나 다가갔는지입니다. 연산량을 곱셈·덧셈 최고 속도로 나눈 시간과 바이트를 읽기 "
     "속도로 나눈 시간 가운데 긴 쪽을, 실제 걸린 시간으로 나눕니다. 두 속도는 같은 실행의 라운드 사이에 "
     "잽니다. 한계를 모형화하지 않은 단계(route, plan)에는 없고, 1을 넘으면 캐시에서 읽은 것입니다."},
    {"limit_bound", "arithmetic|bytes", "",
     "What a stage's limit is made of: arithmetic (multiplications and additions), or bytes (reading "
     "memory).",
     "단계의 한계를 정하는 것입니다. arithmetic이면 곱셈·덧셈, bytes이면 메모리 읽기입니다."},
    {"predicted_seconds", "predicted|predicted_seconds (experts)|measured over it", "",
     "What a stage, or a dense step, should take by its shapes, the rows of each expert and the limits; "
     "kernels' shares of the peak come from `moesim doctor --roofline` or are measured before the rounds. "
     "The screen adds the measured time over it.",
     "단계나 밀집 층 스텝이 모양, 전문가별 행 수, 한계로 보아 걸려야 할 시간입니다. 커널이 최고 속도의 "
     "얼마를 내는지는 `moesim doctor --roofline`이나 라운드 전의 측정에서 옵니다. 화면에는 실제 시간을 "
     "이것으로 나눈 값이 붙습니다."},
    {"limits", "limit|limits measured between the rounds", "한계",
     "Measured between the rounds, medians: the multiply-add peak (FLOP/s), plain reads of the MoE's weights "
     "and of its rows (bytes/s), on all threads. `moesim doctor --roofline` measures more of them.",
     "라운드 사이에 잰 중앙값으로, 모든 스레드의 곱셈·덧셈 최고 속도(FLOP/s)와 MoE의 가중치·행을 읽기만 하는 "
     "속도(bytes/s)입니다. `moesim doctor --roofline`은 더 자세히 잽니다."},
    {"weights_read", "", "",
     "Bytes a second at which all threads together read the MoE's weights and do nothing else.",
     "모든 스레드가 함께 MoE의 가중치를 읽기만 할 때의 초당 바이트입니다."},
    {"rows_read", "", "",
     "Bytes a second at which all threads together read the MoE's rows and do nothing else.",
     "모든 스레드가 함께 MoE의 행을 읽기만 할 때의 초당 바이트입니다."},
    {"source", "origin", "", "Where the limits come from.", "한계 값이 어디서 왔는지입니다."},
    {"shares", "shares of the kernels", "",
     "Where the kernels' shares of the peak come from, by which times are predicted: kept by `moesim doctor "
     "--roofline`, or measured before the rounds.",
     "예측에 쓰는, 커널이 최고 속도의 얼마를 내는지에 대한 값의 출처입니다. `moesim doctor --roofline`이 "
     "저장했거나 라운드 전에 잰 것입니다."},
    // comparisons
    {"compare", "", "비교",
     "`moesim compare`: is B faster than A, and how sure? Of configs (live) or of stored runs. A verdict "
     "needs an interval beyond 1 and a margin.",
     "`moesim compare`. B가 A보다 빠른지, 얼마나 확실한지를 봅니다. 두 설정을 지금 재거나(live) 저장된 "
     "실행을 견줍니다. 구간이 1과 여유(margin)를 벗어나야 판정합니다."},
    {"live", "compare, live", "",
     "Two configs measured now, in turns: the ratio of tokens/s of B over A is √(a₁a₂/(b₁b₂)) of two "
     "mirrored rounds; median and interval over the pairs. A verdict needs six pairs and an interval beyond "
     "1 ± the margin.",
     "두 설정을 지금 번갈아 재는 비교입니다. 순서를 뒤집은 두 라운드에서 B/A의 초당 토큰 비율은 "
     "√(a₁a₂/(b₁b₂))이고, 여러 쌍의 중앙값과 구간을 봅니다. 판정에는 쌍 여섯 개와, 1 ± 여유를 벗어난 구간이 "
     "필요합니다."},
    {"stored", "compare, stored", "",
     "Two runs measured at different times: each sample's seconds over those of the yardstick in its round, "
     "then the ratio of the medians. A verdict needs an interval beyond 1 ± the margin of 3 %.",
     "다른 때에 잰 두 실행의 비교입니다. 표본마다 시간을 그 라운드의 잣대 시간으로 나눈 뒤 중앙값의 비율을 "
     "봅니다. 판정에는 1 ± 3 %의 여유를 벗어난 구간이 필요합니다."},
    {"margin", "", "여유",
     "How far beyond 1 an interval must lie for a verdict: 1 % side by side (two copies of one config differ "
     "by about half), 3 % for stored runs.",
     "판정하려면 구간이 1에서 얼마나 벗어나야 하는지입니다. 나란히 잴 때는 1 %(같은 설정 둘도 0.5 %쯤 다름), "
     "저장된 실행은 3 %입니다."},
    {"no clear difference", "faster|slower", "",
     "The verdict of a comparison: faster or slower where the whole interval lies beyond 1 and the margin, "
     "else no clear difference. That is not proof of equality.",
     "비교의 판정입니다. 구간 전체가 1과 여유를 벗어나면 faster(빠름)나 slower(느림), 아니면 뚜렷한 차이가 "
     "없다는 뜻입니다. 같다는 증명은 아닙니다."},
    {"same_routing", "same bits", "", "Both sides made the same choices with the same weights, bit for bit.",
     "양쪽의 선택과 가중치가 비트까지 같습니다."},
    {"same_output", "", "", "Both sides' last outputs are equal, bit for bit.",
     "양쪽의 마지막 출력이 비트까지 같습니다."},
    {"share of an axis", "share of an axis (sweep)", "",
     "Of a sweep: variance between the groups of an axis' values over the variance of all points, of ln "
     "tokens/s and of load CV. What mattered most.",
     "스윕에서, 축의 값으로 묶은 그룹 사이의 분산을 모든 점의 분산으로 나눈 값입니다(ln 초당 토큰 수와 부하 "
     "CV). 무엇이 가장 크게 작용했는지를 말합니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> time_words() {
  return kWords;
}

}  // namespace moesim
