// What a Mixture-of-Experts layer is made of, and how a router chooses.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"token", "row|행", "토큰",
     "The unit a language model reads: a word, a part of one, or a character. For a layer it is a vector of "
     "d_model numbers: one row of the batch.",
     "언어 모델이 읽는 단위로, 단어나 그 조각, 글자 하나입니다. 층 안에서는 d_model개의 수로 된 벡터, 곧 "
     "배치의 한 행입니다."},
    {"batch", "", "배치",
     "Tokens that go through a layer together. Balance, capacity and speed all depend on how many there are.",
     "한 층을 함께 지나가는 토큰들입니다. 몇 개인지에 따라 균형도, 용량도, 속도도 달라집니다."},
    {"step", "", "스텝",
     "One batch through all layers. workload.steps batches are recorded; timed steps repeat them.",
     "배치 하나가 모든 층을 한 번 지나가는 일입니다. workload.steps개의 배치를 기록하고, 시간을 잴 때는 그 "
     "배치들을 되풀이합니다."},
    {"sequence", "", "시퀀스", "Tokens that follow each other in one text.",
     "한 글에서 차례로 이어지는 토큰들입니다."},
    {"MoE", "mixture of experts|moe layer", "전문가 혼합",
     "Mixture of Experts: in place of one feed-forward network many small ones, the experts, of which each "
     "token uses a few. Many parameters, little computing for each token.",
     "전문가 혼합(Mixture of Experts). 피드포워드 망 하나 대신 작은 망(전문가)을 여럿 두고 토큰마다 몇 개만 "
     "씁니다. 파라미터는 많고 토큰당 계산은 적습니다."},
    {"dense layer", "dense|밀집", "밀집 층",
     "The feed-forward layer without experts: every token uses all its parameters. moesim measures dense "
     "layers beside the MoE, as wide as dense_same_active, dense_same_total, … say.",
     "전문가로 나누지 않은 피드포워드 층으로, 모든 토큰이 모든 파라미터를 씁니다. moesim은 "
     "dense_same_active, dense_same_total 등으로 폭을 정한 밀집 층을 MoE와 나란히 잽니다."},
    {"Transformer layer", "model layer", "층",
     "One storey of a model: a token's vector goes in, and the sum of it and what the layer makes comes out. "
     "moesim measures the feed-forward half of a layer, not attention; layer.num_layers puts several on top "
     "of each other.",
     "모델을 이루는 한 단입니다. 토큰 벡터가 들어가면, 층이 만든 것을 더한 벡터가 나옵니다. moesim은 층에서 "
     "어텐션이 아닌 피드포워드 쪽을 재며, layer.num_layers로 여러 층을 쌓습니다."},
    {"expert", "e0", "전문가",
     "A small feed-forward network of its own: it widens a token's vector to d_ff hidden units and comes "
     "back. e0, e1, … on the screen are its numbers.",
     "독립된 작은 피드포워드 망입니다. 토큰 벡터를 d_ff개의 은닉 유닛으로 넓혔다가 되돌립니다. 화면의 e0, "
     "e1, …은 전문가의 번호입니다."},
    {"shared expert", "shared", "공유 전문가",
     "An expert that every token uses beside the chosen ones: plain, weighed by a gate of its own (gated), "
     "or mixed with the routed ones (residual_mix).",
     "고른 전문가와 별도로 모든 토큰이 쓰는 전문가입니다. 그대로 더하거나(plain), 자체 게이트로 "
     "가중하거나(gated), 라우팅된 출력과 섞습니다(residual_mix)."},
    {"gate", "gating network", "게이트",
     "The scorer: a matrix that makes one logit for each expert from a token's vector. The router then "
     "chooses. (Inside an expert, the gating matrix is called gate_proj.) Without layer.checkpoint it is "
     "not trained: its choices depend on the token but mean nothing yet.",
     "토큰 벡터에서 전문가마다 로짓을 하나씩 만드는 행렬, 곧 점수를 매기는 부분입니다. 고르는 일은 라우터가 "
     "합니다. (전문가 안의 게이트 행렬은 gate_proj라고 합니다.) layer.checkpoint가 없으면 게이트는 학습되지 "
     "않았으므로 선택은 토큰에 따라 달라지지만 아직 의미는 없습니다."},
    {"gate_proj", "up|down", "",
     "In a gated expert (swiglu, swiglu_oai, geglu) the matrix whose product goes through the activation; up "
     "is the one "
     "it multiplies, down the one that leads back to d_model.",
     "게이트형 전문가(swiglu, swiglu_oai, geglu)에서 활성화 함수를 지나는 행렬입니다. up은 그것과 곱해지는 "
     "행렬, down은 "
     "d_model로 되돌리는 행렬입니다."},
    {"logit", "z", "로짓",
     "The gate's raw output for one expert, before softmax or sigmoid makes a score of it.",
     "게이트가 전문가 하나에 내놓은 원래 값입니다. softmax나 sigmoid를 거치면 점수가 됩니다."},
    {"score", "", "점수",
     "A logit after softmax, sigmoid, sqrt_softplus, relu, or as it is (raw). Experts are chosen and weighed "
     "by scores.",
     "로짓에 softmax, sigmoid, sqrt_softplus, relu를 취한 값(raw는 그대로)입니다. 이 점수로 전문가를 고르고 "
     "가중합니다."},
    {"softmax", "", "소프트맥스",
     "Turns a token's logits z into positive shares of 1: e^(z_i − max z) / Σ_j e^(z_j − max z). The experts "
     "compete: one gains what the others lose.",
     "토큰의 로짓 z를 합이 1인 양수로 바꿉니다: e^(z_i − max z) / Σ_j e^(z_j − max z). 전문가끼리 경쟁하여, "
     "하나가 커지면 나머지가 작아집니다."},
    {"sigmoid", "", "시그모이드",
     "1/(1 + e^−z): each expert's score by itself, between 0 and 1, as in DeepSeek-V3.",
     "1/(1 + e^−z). 전문가마다 따로 0과 1 사이의 점수를 매깁니다(DeepSeek-V3 등)."},
    {"sqrt_softplus", "", "", "√ln(1 + e^z): a score without an upper end.",
     "√ln(1 + e^z). 위로 한계가 없는 점수입니다."},
    {"router", "routing", "라우터",
     "The policy that chooses a token's experts and their weights from the scores. Mostly the top k; there "
     "are routers where experts choose their tokens, and soft ones that mix. `moesim routers` lists those of "
     "published models.",
     "점수를 보고 토큰이 갈 전문가와 가중치를 정하는 규칙입니다. 대개 점수 높은 k개를 고르지만, 전문가가 "
     "토큰을 고르거나 고르지 않고 섞는 라우터도 있습니다. 공개된 모델의 라우터는 `moesim routers`에 "
     "있습니다."},
    {"top-k", "k|MoE top-0|top-0|톱-k|탑-k|탑케이", "",
     "The k experts with the best scores get the token. k is 1 in the Switch Transformer, 2 in Mixtral, 8 in "
     "DeepSeek-V3. More experts a token: more computing, and more of the layer is used.",
     "점수가 가장 높은 k개의 전문가에게 토큰을 보내는 방식입니다. k는 Switch Transformer에서 1, Mixtral에서 "
     "2, DeepSeek-V3에서 8입니다. k가 크면 토큰당 계산이 늘고 층을 더 많이 씁니다."},
    {"selection", "selection scores", "선택",
     "Which experts a token goes to: the best scores, plus expert_bias where given; ties go to the lowest "
     "expert.",
     "토큰이 갈 전문가를 정하는 단계입니다. 점수(expert_bias가 있으면 더한 값)가 높은 순으로 고르고, 같으면 "
     "번호가 낮은 전문가로 갑니다."},
    {"weight", "routing weight", "가중치",
     "Of a choice: by how much the expert's output counts for the token, the selected score, with route_norm "
     "divided by the sum of a token's selected scores, times route_scale. Of a layer: the numbers in its "
     "matrices, one for each parameter.",
     "선택의 가중치는 그 전문가의 출력을 토큰에 얼마나 반영할지를 말합니다. 고른 점수이며, route_norm이면 "
     "토큰이 고른 점수의 합으로 나누고, route_scale을 곱합니다. 층의 가중치는 행렬 속의 수, 곧 파라미터의 "
     "값입니다."},
    {"expert_bias", "selection bias|바이어스", "선택 바이어스",
     "A number for each expert, added for selection and never for weighting: it moves tokens away from busy "
     "experts without changing what the chosen ones weigh (DeepSeek-V3).",
     "전문가마다 하나씩 있는 수로, 고를 때만 더하고 가중치에는 더하지 않습니다. 고른 전문가의 가중치는 "
     "그대로 두면서 바쁜 전문가로 갈 토큰을 다른 전문가로 돌립니다(DeepSeek-V3)."},
    {"group", "group limits", "그룹",
     "Experts in order, in groups of equal size: a group's score is group_score (its best, the sum of its "
     "best two, or of its best top_k / groups); only experts of the best num_limited_groups can be chosen.",
     "전문가를 순서대로 같은 크기로 묶은 것입니다. 그룹 점수는 group_score(최고점, 상위 둘의 합, 상위 "
     "top_k/그룹 수의 합)로 매기고, 상위 num_limited_groups개 그룹의 전문가만 고를 수 있습니다."},
    {"expert_choice", "experts choose", "전문가 선택",
     "A router in which each expert takes its max(1, ⌊T·factor/E⌋) best tokens: loads are equal by "
     "construction, but a token may get none or many.",
     "전문가가 토큰을 고르는 라우터입니다. 전문가마다 가장 점수 높은 토큰 max(1, ⌊T·factor/E⌋)개를 "
     "가져갑니다. 부하는 저절로 같아지지만, 토큰에 따라 전문가가 없거나 여럿일 수 있습니다."},
    {"slot", "", "슬롯",
     "Of a soft router: a mixture of all tokens that one expert computes. There are S = E · slots_per_expert "
     "of them; nothing is chosen and nothing dropped.",
     "소프트 라우터에서 전문가 하나가 계산하는, 모든 토큰을 섞은 벡터입니다. S = E · slots_per_expert개가 "
     "있으며, 고르는 것도 버리는 것도 없습니다."},
    {"pass_through", "", "", "The share of a token's own row in its output (BASE layers).",
     "출력에 섞이는 토큰 자신의 행의 비율입니다(BASE 층)."},
    {"noise", "", "잡음",
     "Random numbers that some routers add to logits or scores in training, so that every expert is tried.",
     "모든 전문가를 써 보도록, 일부 라우터가 학습할 때 로짓이나 점수에 더하는 무작위 값입니다."},
    {"tied", "", "",
     "Choices that went to the lowest index among equals; other programs may choose another there.",
     "값이 같은 것들 가운데 번호가 가장 낮은 쪽으로 간 선택입니다. 다른 프로그램은 다르게 고를 수 있습니다."},
    {"assignment", "", "배정",
     "One (token, expert) choice with a weight. In results: their number before drops, all layers together.",
     "가중치가 붙은 (토큰, 전문가) 선택 하나입니다. 결과에서는 버리기 전의 수를 모든 층에 걸쳐 셉니다."},
    {"routed_per_expert", "", "", "Assignments of each expert before drops.",
     "버리기 전, 전문가마다 받은 배정 수입니다."},
    {"tokens_per_expert", "", "", "Assignments of each expert after drops: the rows it computed.",
     "버린 뒤, 전문가마다 남은 배정 수입니다. 곧 실제로 계산한 행 수입니다."},
    {"pool", "routed experts", "",
     "The routed experts a router chooses among: E experts with a product (ffn), then constant (α₁x + α₂v, α "
     "= softmax(Wx)), copy (x) and zero (0) experts. Balance and capacity use the pool.",
     "라우터가 고를 수 있는 전문가 전체입니다. 행렬 곱을 하는 전문가(ffn) E개 다음에 상수(α₁x + α₂v, α = "
     "softmax(Wx)), 복사(x), 영(0) 전문가가 옵니다. 균형과 용량은 이 전체로 셉니다."},
    {"zero-computation expert", "constant|copy|zero|constant expert|copy expert|zero expert", "무연산 전문가",
     "A routed expert without a product: zero gives 0, copy the token itself, constant a mixture of the "
     "token and a learned vector. Tokens that go there cost less.",
     "행렬 곱이 없는 전문가입니다. zero는 0을, copy는 토큰 자신을, constant는 토큰과 학습되는 벡터의 혼합을 "
     "냅니다. 그리로 간 토큰은 계산이 적게 듭니다."},
    {"d_model", "model width|hidden size", "모델 차원", "Width of a token's vector.",
     "토큰 벡터의 길이(모델 차원)입니다."},
    {"d_ff", "hidden width|intermediate size", "은닉 차원", "Hidden width of one expert.",
     "전문가 하나의 은닉 차원, 곧 은닉 유닛의 수입니다."},
    {"expert width", "expert width ℓ|ℓ|latent|latent expert", "",
     "Width in which an expert works: latent_width ℓ where it is given, else d_model. With a latent width "
     "tokens are mapped to ℓ numbers before the experts and back after them.",
     "전문가가 일하는 폭입니다. latent_width ℓ이 있으면 그것, 없으면 d_model입니다. 잠재 폭을 쓰면 토큰을 "
     "ℓ개의 수로 줄였다가 전문가 뒤에서 되돌립니다."},
    {"swiglu", "", "",
     "The experts' hidden units are silu(gate_proj·x) ⊙ up·x, with silu(x) = x·sigmoid(x): three matrices an "
     "expert, as in most published models (arXiv:2002.05202).",
     "전문가의 은닉 유닛이 silu(gate_proj·x) ⊙ up·x이고 silu(x) = x·sigmoid(x)입니다. 전문가마다 행렬이 "
     "셋이며, 공개된 모델 대부분이 씁니다(arXiv:2002.05202)."},
    {"swiglu_oai", "with biases", "",
     "The experts' hidden units are (u + 1)·g·σ(1.702·g), g = gate_proj·x cut off above 7, u = up·x cut off "
     "beyond ±7: three matrices an expert, as in gpt-oss, where each product also has a bias "
     "(layer.ffn_bias).",
     "전문가의 은닉 유닛이 (u + 1)·g·σ(1.702·g)입니다. g는 7에서 위를 자른 gate_proj·x, u는 ±7에서 자른 "
     "up·x입니다. 전문가마다 행렬이 셋이며, gpt-oss가 곱마다 편향(layer.ffn_bias)과 함께 씁니다."},
    {"geglu", "", "",
     "The experts' hidden units are gelu(gate_proj·x) ⊙ up·x: three matrices an expert (arXiv:2002.05202).",
     "전문가의 은닉 유닛이 gelu(gate_proj·x) ⊙ up·x입니다. 전문가마다 행렬이 셋입니다(arXiv:2002.05202)."},
    {"silu", "swish", "",
     "silu(x) = x·σ(x), with σ(x) = 1/(1 + e^−x). As an activation: two matrices an expert.",
     "silu(x) = x·σ(x), σ(x) = 1/(1 + e^−x)입니다. 활성화 함수로 쓰면 전문가마다 행렬이 둘입니다."},
    {"gelu", "", "", "gelu(x) = ½x(1 + tanh(√(2/π)(x + 0.044715x³))), the tanh form (arXiv:1606.08415).",
     "gelu(x) = ½x(1 + tanh(√(2/π)(x + 0.044715x³))), tanh 근사식입니다(arXiv:1606.08415)."},
    {"relu", "", "", "relu(x) = max(x, 0).", "relu(x) = max(x, 0)입니다."},
    {"activation", "", "활성화 함수",
     "The function of the experts' hidden units (swiglu, swiglu_oai, geglu, silu, gelu, relu). "
     "executor.activations: the "
     "number type in which rows are multiplied.",
     "전문가의 은닉 유닛에 쓰는 함수(swiglu, swiglu_oai, geglu, silu, gelu, relu)입니다. "
     "executor.activations는 행을 "
     "곱할 때 쓰는 자료형입니다."},
    {"norm", "RMS norm|before every layer", "정규화",
     "Before every layer: x / √(mean x² + 10⁻⁶), the RMS norm (arXiv:1910.07467) without a learned scale. As "
     "a stage: its time.",
     "층마다 앞에서 하는 RMS 정규화, x / √(mean x² + 10⁻⁶)입니다(arXiv:1910.07467, 학습되는 배율 없음). "
     "단계로는 그 시간을 말합니다."},
    {"residual stream", "residual|잔차", "잔차 연결",
     "A layer's output is added to its input, y = x + layer(x): what a layer does not change carries on.",
     "층의 출력을 입력에 더하는 구조(y = x + layer(x))입니다. 층이 바꾸지 않은 것은 그대로 이어집니다."},
    {"prefill", "", "프리필",
     "Reading a prompt: many tokens go through a layer at once, every expert gets rows, and computing takes "
     "the time.",
     "프롬프트를 읽는 단계입니다. 많은 토큰이 한꺼번에 지나가 모든 전문가가 행을 받고, 시간은 계산에 "
     "듭니다."},
    {"decode", "decoding", "디코드",
     "Answering one token at a time: only that token's experts are read, and reading their weights takes the "
     "time. configs/decode.yaml is one.",
     "답을 한 토큰씩 내는 단계입니다. 그 토큰이 고른 전문가만 읽으며, 시간은 가중치를 읽는 데 듭니다. "
     "configs/decode.yaml이 그 예입니다."},
    {"training", "untrained gate", "학습",
     "moesim trains nothing: gates and experts have random weights unless layer.checkpoint names a model's "
     "folder. How fast a layer is hardly depends on them; which experts tokens choose does. `moesim route` "
     "takes "
     "the logits or the gate of a trained model.",
     "moesim은 학습을 하지 않으며, layer.checkpoint로 모델 폴더를 주지 않으면 게이트와 전문가의 가중치는 "
     "무작위입니다. 층의 속도는 이에 따라 거의 달라지지 않지만 토큰이 어느 전문가를 고르는지는 달라집니다. "
     "학습된 "
     "모델의 로짓이나 게이트는 `moesim route`에 넣을 수 있습니다."},
    {"letters", "T|D|F|E|N|R|S|L|m|G|w|P_e|shape letters|α|σ", "문자",
     "In formulas: T tokens in the batch, D d_model, F d_ff, E experts, k experts a token, N assignments, R "
     "rows computed, L layers, S slots (of parameters: those of the shared experts; of capacity: tokens in "
     "the batch), m matrices of an expert (3 gated, 2 otherwise), P_e = m·D·F parameters of one expert, G "
     "those of the gate, w bytes of a weight; σ is the sigmoid.",
     "식에 쓰는 문자입니다. T 배치의 토큰 수, D d_model, F d_ff, E 전문가 수, k 토큰당 전문가 수, N 배정 수, "
     "R 계산한 행 수, L 층 수, S 슬롯 수(파라미터 식에서는 공유 전문가의 파라미터, 용량 식에서는 배치의 토큰 "
     "수), m 전문가의 행렬 수(게이트형 3, 아니면 2), P_e = m·D·F 전문가 하나의 파라미터, G 게이트의 "
     "파라미터, w 가중치 하나의 바이트, σ 시그모이드."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> layer_words() {
  return kWords;
}

}  // namespace moesim
