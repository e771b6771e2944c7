// Parameters, work, memory: what a layer costs, and the dense layers it is held against.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"parameters", "params", "파라미터",
     "The numbers in a layer's matrices. Of an MoE layer two counts matter: total_params must be stored, "
     "active_params are what one token uses.",
     "층의 행렬에 든 수입니다. MoE 층에서는 두 가지를 셉니다. 저장해야 하는 전체 파라미터(total_params)와 "
     "토큰 하나가 쓰는 활성 파라미터(active_params)입니다."},
    {"total_params", "total|total parameters", "전체 파라미터",
     "All parameters of one layer: gate, routed experts, shared experts, latent maps. They must fit the "
     "memory, used or not.",
     "한 층의 모든 파라미터로, 게이트, 라우팅되는 전문가, 공유 전문가, 잠재 사상을 더한 것입니다. 쓰든 안 "
     "쓰든 메모리에 있어야 합니다."},
    {"active_params", "active|active parameters|active per token", "활성 파라미터",
     "Parameters one token's products read: gate, shared experts, latent maps and its k experts, of which "
     "those without a product count nothing. They set the computing for a token.",
     "토큰 하나의 계산에 쓰이는 파라미터로, 게이트, 공유 전문가, 잠재 사상, 고른 전문가 k개를 더한 "
     "것입니다(행렬 곱이 없는 전문가는 세지 않음). 토큰당 계산량을 정합니다."},
    {"realised", "nominal|with the experts really used|active_params.realised", "",
     "active_params with the mean number of experts that tokens really used, after drops and without "
     "zero-computation experts; nominal counts k.",
     "버려진 것과 무연산 전문가를 빼고 토큰이 실제로 쓴 전문가 수의 평균으로 센 활성 파라미터입니다. "
     "nominal은 k개를 다 셉니다."},
    {"ffn_rows_fraction", "on ffn experts", "",
     "Kept assignments on experts that multiply over all kept ones: below 1 with zero, copy or constant "
     "experts.",
     "남은 배정 가운데 행렬 곱을 하는 전문가로 간 비율입니다. 영, 복사, 상수 전문가가 있으면 1보다 "
     "작습니다."},
    {"experts_per_token", "", "", "Experts with a product that a token really used, mean over the tokens.",
     "토큰이 실제로 쓴, 행렬 곱을 하는 전문가 수의 평균입니다."},
    {"real_experts_per_token", "", "",
     "Experts that compute something and that a token went to, mean over the tokens.",
     "토큰이 간 전문가 가운데 무엇인가 계산하는 전문가 수의 평균입니다."},
    {"distinct_experts", "distinct", "", "Experts with a product that had rows, mean over the steps.",
     "한 스텝에서 행을 받은, 행렬 곱을 하는 전문가 수의 평균입니다."},
    {"FLOPs", "FLOP|floating point operations", "연산량",
     "Floating-point operations: a multiplication and an addition for each parameter and row, so two for "
     "each parameter a token uses. Not FLOP/s, which is a speed.",
     "부동소수점 연산 수입니다. 파라미터와 행마다 곱셈 하나와 덧셈 하나이므로, 토큰이 쓰는 파라미터의 두 "
     "배입니다. 속도인 FLOP/s와 다릅니다."},
    {"flops_per_token", "FLOPs a token|FLOPs per token", "토큰당 연산량",
     "Multiplications and additions of one layer for a token, after drops: twice the active parameters "
     "(realised); of a soft router its two mixtures too.",
     "버린 뒤, 한 층이 토큰 하나에 하는 곱셈과 덧셈의 수로, 실제로 쓴 활성 파라미터의 두 배입니다(소프트 "
     "라우터는 두 번의 혼합을 더함)."},
    {"weight_bytes_per_token", "", "",
     "Bytes of weights of one layer that a step reads, over its tokens: experts without rows are not read.",
     "한 스텝이 읽는 한 층의 가중치 바이트를 토큰 수로 나눈 값입니다. 행이 없는 전문가는 읽지 않습니다."},
    {"weight_bytes", "", "", "Bytes of the weights of all layers.", "모든 층의 가중치 바이트입니다."},
    {"memory", "", "메모리",
     "used at most: the most that the process held (peak_rss_bytes); expected: what was computed before the "
     "run (estimated_bytes). A run that does not fit is refused before anything is allocated.",
     "used at most는 프로세스가 가장 많이 쓴 양(peak_rss_bytes), expected는 실행 전에 계산한 "
     "양(estimated_bytes)입니다. 들어가지 않는 실행은 할당하기 전에 거절합니다."},
    {"estimated_bytes", "expected", "", "Memory that the run was expected to need.",
     "실행에 필요하리라고 미리 계산한 메모리입니다."},
    {"peak_rss_bytes", "used at most", "", "The most memory that the process held.",
     "프로세스가 가장 많이 쓴 메모리입니다."},
    {"routing_hash", "", "",
     "A fingerprint of all choices and weights: equal where the routing is, bit for bit.",
     "모든 선택과 가중치의 지문입니다. 라우팅이 비트까지 같으면 같습니다."},
    {"output_hash", "", "", "A fingerprint of the last layer's outputs: equal where they are, bit for bit.",
     "마지막 층 출력의 지문입니다. 출력이 비트까지 같으면 같습니다."},
    {"tokens_before_repeat", "begins to repeat", "",
     "Tokens of the workload before it repeats itself: a text or an array that ends begins again; null: it "
     "never does.",
     "워크로드가 처음으로 되돌아가기 전까지의 토큰 수입니다. 글이나 배열은 끝나면 처음부터 다시 읽습니다. "
     "null이면 되풀이하지 않습니다."},
    // dense layers
    {"dense_same_active", "dense, same active|vs same active", "활성 파라미터가 같은 밀집 층",
     "A dense layer as wide as a token's experts together (k·d_ff, plus shared): the same active parameters. "
     "The gate is not matched. \"vs\" in a sweep: tokens/s of the MoE over the dense layer's.",
     "토큰이 쓰는 전문가를 합친 폭(k·d_ff, 공유 전문가 포함)의 밀집 층으로, 활성 파라미터가 "
     "같습니다(게이트는 맞추지 않음). 스윕의 \"vs\"는 MoE의 초당 토큰 수를 밀집 층의 것으로 나눈 값입니다."},
    {"dense_same_total", "dense, same total|vs same total", "전체 파라미터가 같은 밀집 층",
     "A dense layer as wide as all experts together (E·d_ff, plus shared): the same total parameters.",
     "모든 전문가를 합친 폭(E·d_ff, 공유 전문가 포함)의 밀집 층으로, 전체 파라미터가 같습니다."},
    {"dense_same_flops", "dense, same FLOPs|vs same FLOPs", "연산량이 같은 밀집 층",
     "A dense layer with the multiplications and additions that the MoE layer really makes for a token: "
     "gate, kept experts (the mean, as a fraction), shared experts, latent maps, a soft router's mixtures. "
     "dense_same_active counts whole experts and no gate.",
     "MoE 층이 토큰마다 실제로 하는 곱셈과 덧셈(게이트, 남은 전문가의 평균, 공유 전문가, 잠재 사상, 소프트 "
     "라우터의 혼합)과 연산량이 같은 밀집 층입니다. dense_same_active는 전문가를 통째로 세고 게이트는 세지 "
     "않습니다."},
    {"dense_same_time", "dense, same time|runs like", "시간이 같은 밀집 층",
     "A dense layer as wide as takes the MoE's time here: the width is found by measuring several, in turns "
     "with the MoE. What it has of parameters is what the MoE runs like on this machine.",
     "이 컴퓨터에서 MoE와 같은 시간이 걸리는 폭의 밀집 층입니다. 여러 폭을 MoE와 번갈아 재어 찾습니다. 그 "
     "파라미터 수가 곧 MoE가 이 컴퓨터에서 '몇 파라미터짜리처럼' 도는지를 말해 줍니다."},
    {"width_trials", "", "", "Trials of widths, repeated ones counted, to find that of dense_same_time.",
     "dense_same_time의 폭을 찾으려고 재 본 횟수입니다(되풀이 포함)."},
    {"widest", "", "",
     "The widest dense layer that dense_same_time might have had: what memory was kept for.",
     "dense_same_time이 가질 수 있던 가장 넓은 폭으로, 그만큼 메모리를 잡아 둡니다."},
    {"match", "matched|uncertain|closest|slower_than_widest|faster_than_narrowest", "",
     "Whether dense_same_time took the MoE's time in the rounds of the run: matched (its interval meets 1 ± "
     "2 % and lies within 1 ± 10 %), uncertain (it meets it and reaches farther), closest (it does not, and "
     "no closer width was found), slower_than_widest, faster_than_narrowest (the MoE than any that was "
     "tried).",
     "dense_same_time이 실행에서 정말 MoE와 같은 시간이 걸렸는지입니다. matched는 구간이 1 ± 2 %와 만나고 1 "
     "± 10 % 안에 있음, uncertain은 만나지만 1 ± 10 % 밖까지 걸침, closest는 만나지 않지만 더 가까운 폭이 "
     "없음, slower_than_widest와 faster_than_narrowest는 MoE가 재 본 어느 폭보다 느리거나 빠름을 뜻합니다."},
    {"width", "", "폭", "Hidden width of the dense layer.", "밀집 층의 은닉 폭입니다."},
    {"skipped", "", "", "Why a variant was not measured.", "어떤 변형을 재지 않은 까닭입니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> cost_words() {
  return kWords;
}

}  // namespace moesim
