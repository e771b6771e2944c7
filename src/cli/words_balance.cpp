// How evenly the experts are used, and what capacity refuses.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"load", "n_i", "부하", "How many tokens an expert got, before drops, over all steps of the run.",
     "한 전문가가 받은 토큰 수입니다. 버리기 전의 수를 실행의 모든 스텝에 걸쳐 셉니다."},
    {"load balance", "balance|load balancing|균형", "부하 균형",
     "How evenly the tokens are spread over the experts. Where one expert gets too many, it is slow or "
     "refuses some, and the parameters of the others lie idle. Models are trained with balancing losses or a "
     "moving selection bias to keep it. BALANCE on the screen: the metrics, each beside what chance alone "
     "would show.",
     "토큰이 전문가들에게 얼마나 고르게 나뉘는지를 말합니다. 한쪽으로 몰리면 그 전문가는 느려지거나 토큰을 "
     "버리고, 나머지 전문가의 파라미터는 놀게 됩니다. 그래서 학습할 때 부하 균형 손실이나 선택 바이어스로 "
     "맞춥니다. 화면의 BALANCE에는 각 지표가 우연만으로 나올 값과 나란히 나옵니다."},
    {"fair share", "n̄", "공평한 몫", "The mean load: all assignments over the number of experts.",
     "평균 부하, 곧 전체 배정 수를 전문가 수로 나눈 값입니다."},
    {"max_violation", "MaxVio", "",
     "Load of the busiest expert over the mean load, minus 1 (arXiv:2408.15664). 0 is perfect balance; 1 "
     "means the busiest expert gets twice its fair share.",
     "가장 바쁜 전문가의 부하를 평균 부하로 나누고 1을 뺀 값입니다(arXiv:2408.15664). 0이면 완전한 균형, "
     "1이면 공평한 몫의 두 배를 받는다는 뜻입니다."},
    {"min_violation", "MinVio", "",
     "1 less the load of the least busy expert over the mean load: 0 is perfect balance, 1 an idle expert.",
     "1에서 가장 한가한 전문가의 부하를 평균 부하로 나눈 값을 뺀 것입니다. 0이면 완전한 균형, 1이면 노는 "
     "전문가가 있습니다."},
    {"min_over_mean", "", "",
     "Load of the least busy expert over the mean load: 1 is perfect balance, 0 an idle expert.",
     "가장 한가한 전문가의 부하를 평균 부하로 나눈 값입니다. 1이면 완전한 균형, 0이면 노는 전문가가 "
     "있습니다."},
    {"load_cv", "CV|coefficient of variation", "부하 변동 계수",
     "Coefficient of variation: population standard deviation of the experts' loads over their mean. 0 is "
     "perfect balance.",
     "변동 계수(CV), 곧 전문가별 부하의 모표준편차를 평균으로 나눈 값입니다. 0이면 완전한 균형입니다."},
    {"load_gini", "Gini", "지니 계수",
     "Gini coefficient of the loads: 0 when all are equal, near 1 when one expert gets everything.",
     "부하의 지니 계수입니다. 모두 같으면 0이고, 한 전문가가 모두 받으면 1에 가까워집니다."},
    {"load_entropy", "entropy", "부하 엔트로피",
     "Entropy of the shares of the load over its largest value ln E: 1 when all are equal.",
     "부하 비율의 엔트로피를 그 최댓값 ln E로 나눈 값입니다. 모두 같으면 1입니다."},
    {"effective_experts", "", "유효 전문가 수",
     "exp of the entropy: how many equally loaded experts would be as spread out.",
     "엔트로피에 exp를 취한 값입니다. 부하가 똑같은 전문가 몇 개로 나눈 것과 같은지를 말합니다."},
    {"mean_of_steps", "", "",
     "max_violation of each batch, averaged: larger than that of the whole run, since a batch has fewer "
     "tokens and so more chance. Not to be held against the noise floor of the run.",
     "배치마다 잰 max_violation의 평균입니다. 배치는 토큰이 적어 우연이 크므로 실행 전체의 값보다 큽니다. "
     "실행 전체의 잡음 바닥과 견주면 안 됩니다."},
    {"worst_layer", "worst max_violation", "", "The largest max_violation of any layer.",
     "여러 층 가운데 가장 큰 max_violation입니다."},
    {"first_step", "of the first step|last_step|of the last step", "",
     "max_violation of the first, or the last, recorded batch: before the controller acts, and where it has "
     "led.",
     "기록한 첫 배치(또는 마지막 배치)의 max_violation입니다. 제어기가 움직이기 전과, 움직인 뒤에 이른 곳을 "
     "보여 줍니다."},
    {"noise_floor", "chance|우연", "잡음 바닥",
     "What a perfectly uniform random router shows on the same number of tokens: 200 draws, their mean, 5 % "
     "and 95 % points. An imbalance between the points may be chance. More is bad for max_violation, CV and "
     "Gini; for min_over_mean, entropy and effective experts less is.",
     "완전히 균등한 무작위 라우터가 같은 수의 토큰에서 보일 값입니다. 200번 뽑은 평균과 5 %, 95 % 지점을 "
     "냅니다. 두 지점 사이의 불균형은 우연일 수 있습니다. max_violation, CV, 지니는 클수록, min_over_mean, "
     "엔트로피, 유효 전문가 수는 작을수록 나쁩니다."},
    {"p95", "p05|95 %|5 %", "",
     "The 95 % (p05: 5 %) point of what chance shows: of 100 draws of a uniform random router, 95 lie below "
     "it (5 below p05).",
     "우연만으로 나올 값의 95 % 지점(p05는 5 % 지점)입니다. 균등한 무작위 라우터를 100번 뽑으면 95번은 이 값 "
     "아래(p05는 5번)에 있습니다."},
    {"approximate", "", "",
     "Whether the noise floor comes from the normal approximation: so it does above 10⁷ assignments in all "
     "draws.",
     "잡음 바닥을 정규 근사로 냈는지입니다. 모든 뽑기의 배정을 합쳐 10⁷개가 넘으면 그렇게 합니다."},
    {"processed", "", "", "The metrics of balance after drops: of the rows each expert really ran.",
     "버린 뒤, 곧 각 전문가가 실제로 계산한 행으로 잰 균형 지표입니다."},
    {"dead_experts", "dead|never chosen|experts without a token", "죽은 전문가",
     "Experts that no token chose in the whole run, summed over layers. Their parameters cost memory and do "
     "nothing.",
     "실행 내내 어떤 토큰도 고르지 않은 전문가의 수를 모든 층에 걸쳐 더한 것입니다. 메모리만 차지하고 하는 "
     "일이 없습니다."},
    // capacity
    {"capacity", "capacity factor|계수", "용량",
     "Rows an expert may take in a batch, or in a group of its tokens (capacity.group); what is too much is "
     "dropped or re-routed. Mostly the fair share times a factor such as 1.25. Without a capacity section, "
     "in the config or the preset, nothing is dropped.",
     "한 전문가가 한 배치(capacity.group이 있으면 한 묶음)에서 받을 수 있는 행의 수입니다. 넘치는 것은 "
     "버리거나 다른 전문가에게 보냅니다. 대개 공평한 몫에 1.25 같은 계수(capacity factor)를 곱해 정합니다. "
     "설정이나 프리셋에 capacity 섹션이 없으면 아무것도 버리지 않습니다."},
    {"drop", "dropped|token dropping|드롭", "버림",
     "An assignment refused because its expert is full. The token is not lost: its residual stream carries "
     "on without that expert.",
     "전문가의 용량이 차서 거절된 배정입니다. 토큰이 사라지는 것은 아니고, 그 전문가의 출력 없이 잔차 "
     "연결(residual)로 이어집니다."},
    {"kept", "kept assignments", "", "Assignments that were not dropped: the rows that experts computed.",
     "버려지지 않고 남은 배정, 곧 전문가가 계산한 행입니다."},
    {"dropless", "", "드롭리스",
     "Nothing is dropped: there is no capacity, each expert computes all rows it gets.",
     "용량 제한이 없어 아무것도 버리지 않는 방식입니다. 각 전문가가 받은 행을 모두 계산합니다."},
    {"dropped_fraction", "", "버려진 비율",
     "Assignments refused because their expert was full, over all assignments.",
     "용량이 차서 거절된 배정이 전체 배정에서 차지하는 비율입니다."},
    {"decile", "by tenth of the batch", "",
     "The dropped fraction of each tenth of the batch: where places go by position, late tokens find their "
     "expert full.",
     "배치를 열로 나누어 잰 버려진 비율입니다. 앞에서부터 자리를 주는 규칙에서는 뒤쪽 토큰일수록 용량이 차 "
     "있습니다."},
    {"outranked", "", "",
     "Assignments dropped although their expert had room (capacity.drop: deepspeed_probs).",
     "전문가에 자리가 남았는데도 버려진 배정입니다(capacity.drop: deepspeed_probs)."},
    {"rerouted", "re-routed", "재배정",
     "Assignments whose expert was full and that another expert took instead (capacity.drop: recycle, ntlb). "
     "A re-routed assignment weighs w·e^(z_new − z_old).",
     "전문가의 용량이 차서 다른 전문가가 대신 받은 배정입니다(capacity.drop: recycle, ntlb). 가중치는 "
     "w·e^(z_new − z_old)가 됩니다."},
    {"tokens_without_expert", "no expert", "",
     "Tokens that reached no expert: none chosen, or all of theirs full.",
     "어느 전문가에도 이르지 못한 토큰입니다. 고른 전문가가 없었거나 모두 차 있었습니다."},
    {"padding_waste", "to_largest|to_capacity|blocks_128", "패딩 낭비",
     "Rows computed for nothing over rows in use, if every expert were given as many rows as the busiest one "
     "(to_largest), as the capacity (to_capacity), or whole blocks of 128 (blocks_128).",
     "모든 전문가의 행을 가장 바쁜 전문가만큼(to_largest), 용량만큼(to_capacity), 또는 128행 "
     "단위로(blocks_128) 채운다면 헛되이 계산할 행을 쓰이는 행으로 나눈 값입니다."},
    {"computed_rows_fraction", "", "",
     "Kept assignments over routed ones. Below 1 the MoE did less work than it was asked to, so its tokens/s "
     "flatter it.",
     "남은 배정을 전체 배정으로 나눈 값입니다. 1보다 작으면 MoE가 맡은 일을 덜 한 것이므로 초당 토큰 수가 "
     "실제보다 좋아 보입니다."},
    {"align", "", "",
     "Rounds a load up to what is computed for it: to the busiest expert's load, the capacity, or a multiple "
     "of 128.",
     "부하를 실제로 계산하는 행 수로 올리는 함수입니다. 가장 바쁜 전문가의 부하, 용량, 또는 128의 배수까지 "
     "올립니다."},
    // controllers
    {"controller", "steered by|closed loop", "제어기",
     "A rule that moves the selection bias after each step so that busy experts are chosen less. `moesim "
     "balance` runs controllers side by side in a closed loop: each step's choices move the bias of the "
     "next.",
     "스텝마다 선택 바이어스를 움직여 바쁜 전문가가 덜 뽑히게 하는 규칙입니다. `moesim balance`는 여러 "
     "제어기를 닫힌 루프(한 스텝의 선택이 다음 스텝의 바이어스를 움직임)에서 나란히 돌립니다."},
    {"balancing loss", "loss|auxiliary loss|손실", "부하 균형 손실",
     "A term added to the training loss that is least when loads are equal. Most are made of f_i (the share "
     "of tokens that choose expert i, held constant) and P_i (its mean score); only P_i carries a gradient. "
     "docs/routers.md has all formulas.",
     "부하가 고를 때 가장 작아지도록 학습 손실에 더하는 항(보조 손실)입니다. 대개 f_i(전문가 i를 고른 토큰의 "
     "비율, 상수로 둠)와 P_i(그 평균 점수)로 만들며, 기울기는 P_i로만 흐릅니다. 모든 식은 docs/routers.md에 "
     "있습니다."},
    {"f_i", "", "", "Share of the tokens that choose expert i: a count, held constant in the gradient.",
     "전문가 i를 고른 토큰의 비율입니다. 개수이므로 기울기에서는 상수로 둡니다."},
    {"P_i", "", "",
     "Mean over the tokens of expert i's scores as shares of 1; it carries the gradient of a balancing loss. "
     "(In formulas of balance p_i is n_i over the sum of all loads.)",
     "합이 1이 되게 한 전문가 i의 점수를 모든 토큰에 걸쳐 평균한 값이며, 부하 균형 손실의 기울기가 여기로 "
     "흐릅니다. (균형 지표의 식에서 p_i는 n_i를 전체 부하로 나눈 값입니다.)"},
    {"value at balance", "at balance", "",
     "What a balancing loss is when all loads and mean scores are equal.",
     "모든 부하와 평균 점수가 같을 때 부하 균형 손실이 갖는 값입니다."},
    {"bias unit", "bias_unit", "",
     "Whether a selection bias is added to scores or to logits; a controller's rate is in the same unit.",
     "선택 바이어스를 점수에 더하는지 로짓에 더하는지를 말합니다. 제어기의 rate도 같은 단위입니다."},
    {"devices", "디바이스", "장치",
     "Losses and limits of devices: D of them hold E/D experts each; M, the most devices that a token may "
     "reach, is min(D, k).",
     "전문가를 나누어 갖는 장치입니다. 장치 D개가 전문가를 E/D개씩 갖고, 토큰 하나가 닿을 수 있는 장치 수 "
     "M은 min(D, k)입니다."},
    {"steps_1_5", "1-5|step 0|step_0|45-55|steps_45_55|last 50|last_50", "",
     "Windows of a closed loop: MaxVio of step 0, and means over steps 1 to 5, 45 to 55 and the last 50.",
     "닫힌 루프를 보는 구간입니다. 0번 스텝의 MaxVio와, 1~5번, 45~55번, 마지막 50스텝의 평균입니다."},
    {"first_step_below_half", "below 0.5", "",
     "The first step of a closed loop with a MaxVio below 0.5; null, or never: there was none.",
     "닫힌 루프에서 MaxVio가 처음으로 0.5 아래로 내려간 스텝입니다. null이나 never이면 그런 스텝이 "
     "없었습니다."},
    {"gate_mass", "score kept|gate_mass.kept", "",
     "Sum of the unbiased scores of a token's experts, mean over the tokens. Balancing gives some of it up: "
     "gate_mass.kept (score kept) is what is left of that of the router alone.",
     "토큰이 고른 전문가들의 (바이어스 없는) 점수 합을 모든 토큰에 걸쳐 평균한 값입니다. 균형을 맞추면 "
     "일부를 잃으며, gate_mass.kept(score kept)는 라우터만 쓸 때에 견주어 남은 비율입니다."},
    {"coefficient", "last.coefficient|last", "",
     "Where the number that a maxvio_servo controller moves ended.",
     "maxvio_servo 제어기가 움직이는 수가 마지막에 이른 값입니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> balance_words() {
  return kWords;
}

}  // namespace moesim
