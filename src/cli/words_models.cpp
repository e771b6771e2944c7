// Whole models: parts, conventions of active parameters, published figures, the cache.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"convention", "conventions of active parameters|one row|no_input_embedding|no_embeddings|all", "",
     "Which weights count as active. all: both embeddings. no_input_embedding: without the table that token "
     "ids "
     "are looked up in, of which a token reads one row. no_embeddings: without the output projection, too. "
     "Publications rarely say which they mean, and labs differ.",
     "어떤 가중치를 활성으로 세는지의 약속입니다. all은 두 임베딩을 모두 세고, no_input_embedding은 토큰 "
     "id를 찾아 "
     "한 행만 읽는 입력 표를 빼고, no_embeddings는 출력 투영까지 뺍니다. 논문은 어느 쪽인지 잘 밝히지 않고, "
     "연구소마다 다릅니다."},
    {"published", "active_convention|active_difference|total_difference", "",
     "What the model's makers state, in billions. The difference is this count over the published figure, "
     "minus "
     "1; active_convention is the convention whose count lies nearest.",
     "모델을 만든 곳이 발표한 값(십억 단위)입니다. difference는 여기서 센 값을 발표값으로 나누고 1을 뺀 "
     "것이고, "
     "active_convention은 발표값에 가장 가까운 약속입니다."},
    {"range", "fewest|most", "",
     "Active parameters with the fewest and the most experts that have weights, where a token may choose "
     "experts "
     "that only return their input (LongCat-Flash).",
     "입력을 그대로 돌려주는 전문가도 고를 수 있는 모델(LongCat-Flash)에서, 가중치가 있는 전문가를 가장 적게 "
     "고를 때와 가장 많이 고를 때의 활성 파라미터입니다."},
    {"parts",
     "dense_ffn|dense FFNs|attention|norms|input_embedding|output_embedding|input embedding|output "
     "projection|"
     "embedding, in and out",
     "",
     "What a model's parameters belong to: routed experts, shared experts, attention (or Mamba, DeltaNet, "
     "linear attention), the routers, FFNs without a router, norms, the table of tokens, the output "
     "projection.",
     "모델의 파라미터가 속한 부분입니다. 라우팅되는 전문가, 공유 전문가, 어텐션(또는 Mamba, DeltaNet, 선형 "
     "어텐션), 라우터, 라우터 없는 FFN, 정규화, 토큰 표(입력 임베딩), 출력 투영으로 나눕니다."},
    {"routed_active", "one token|read by a token|to hold", "",
     "Stored: what must be in memory. One token: what its computation reads, of the routed experts only "
     "those it chose.",
     "stored는 메모리에 있어야 하는 양이고, one token은 토큰 하나의 계산이 읽는 양입니다. 라우팅되는 전문가 "
     "가운데서는 고른 것만 셉니다."},
    {"expert_params", "", "", "Parameters of one routed expert.",
     "라우팅되는 전문가 하나의 파라미터 수입니다."},
    {"num_moe_layers", "", "", "Layers that have routed experts; the others have a plain FFN.",
     "라우팅되는 전문가가 있는 층의 수입니다. 나머지 층에는 보통 FFN이 있습니다."},
    {"KV cache", "kv_cache_bytes_per_token|KV-cache", "KV 캐시",
     "Keys and values that attention keeps for every token of the text so far; it grows with the text. "
     "Latent "
     "attention keeps one compressed row for all heads instead.",
     "어텐션이 지금까지의 모든 토큰에 대해 간직하는 키와 값으로, 글이 길어질수록 늘어납니다. 잠재 어텐션은 "
     "모든 "
     "헤드가 함께 쓰는 압축된 한 행만 간직합니다."},
    {"flops_per_context_token", "", "",
     "What attention adds to a token's operations for each token that stands before it.",
     "앞에 있는 토큰 하나마다 어텐션이 더하는 연산 수입니다."},
    {"mxfp4", "fp8", "",
     "Narrow types that checkpoints store weights in. fp8: 8 bits. mxfp4: 4 bits and a scale of 8 bits for "
     "each "
     "32 numbers, so 4.25.",
     "체크포인트가 가중치를 저장하는 좁은 자료형입니다. fp8은 8비트, mxfp4는 4비트에 수 32개마다 8비트 "
     "배율을 "
     "더해 4.25비트입니다."},
    {"READ FROM", "config.json", "",
     "The keys of a checkpoint's config.json that were used, and the values that its model type has by "
     "default.",
     "체크포인트의 config.json에서 읽은 키와, 그 모델 종류의 기본값을 쓴 항목입니다."},
    {"complete", "", "",
     "Whether the whole model was counted; false where only the routed experts are known.",
     "모델 전체를 세었는지를 나타냅니다. 라우팅되는 전문가만 알려져 있으면 false입니다."},
    {"near", "near_ties|near tie", "",
     "Tokens whose experts would change if every logit were off by as much as float32 sums in another order "
     "may "
     "differ: half of 4 x 2^-24 x sqrt(D) x the lengths of the token's vector and of the gate's row. Another "
     "program "
     "may choose other experts for them; all others go to the same.",
     "덧셈 순서만 다른 float32 계산이 낼 수 있는 오차(4 x 2^-24 x sqrt(D) x 토큰 벡터와 게이트 행의 길이, 그 "
     "절반)만큼 "
     "로짓이 달라지면 전문가가 바뀌는 토큰입니다. 이런 토큰은 다른 프로그램에서 다른 전문가로 갈 수 있고, "
     "나머지는 같은 "
     "전문가로 갑니다."},
    {"tensor names", "names|prefix", "",
     "Which tensor of a checkpoint is what, and how its numbers lie (docs/formats.md). Found by the config's "
     "model_type, the tensors' names and shapes; --layout FILE.yaml gives one for names of another make.",
     "체크포인트의 어느 텐서가 무엇이고 수가 어떤 순서로 놓이는지를 적은 것입니다(docs/formats.md). 설정의 "
     "model_type과 "
     "텐서의 이름, 모양으로 찾으며, 다른 이름을 쓰는 체크포인트는 --layout FILE.yaml로 알려 줍니다."},
    {"files", "types|stored_numbers", "",
     "The .safetensors files of a checkpoint, their tensors and the types of these. The numbers stored are "
     "more than "
     "the parameters counted where there are parts that the count leaves out: heads for multi-token "
     "prediction, what "
     "sees pictures.",
     "체크포인트의 .safetensors 파일과 텐서, 그 자료형입니다. 여러 토큰을 한꺼번에 예측하는 헤드나 그림을 "
     "보는 부분처럼 "
     "세지 않는 부분이 있으면 저장된 수가 센 파라미터보다 많습니다."},
    {"block", "", "블록",
     "What stands in a layer in the place of a feed-forward network: gate, experts, shared experts.",
     "층에서 피드포워드 층 자리에 있는 것으로, 게이트와 전문가, 공유 전문가를 말합니다."},
    {"sizes", "gate_row_norm|expert_norm", "",
     "How large the numbers of a layer are: lengths of the gate's rows, one for each expert, the selection "
     "bias, and "
     "of each expert the root of the sum of the squares of all its weights; smallest, median, largest. An "
     "expert far "
     "from the others was trained little or much.",
     "층의 수가 얼마나 큰지를 나타냅니다. 전문가마다 게이트 행의 길이, 선택 편향, 그리고 전문가의 모든 "
     "가중치 제곱합의 "
     "제곱근을 최솟값, 중앙값, 최댓값으로 보여 줍니다. 다른 것들과 크게 다른 전문가는 학습이 적었거나 많았던 "
     "것입니다."},
    {"problem", "", "", "Why a layer of a checkpoint cannot be run; the rest of the folder may be sound.",
     "체크포인트의 그 층을 실행할 수 없는 까닭입니다. 폴더의 나머지는 멀쩡할 수 있습니다."},
    {"title", "model|note", "", "A model's name as its makers write it, and what the count leaves open.",
     "만든 곳이 쓰는 모델 이름과, 세면서 확정하지 못한 점입니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> model_words() {
  return kWords;
}

}  // namespace moesim
