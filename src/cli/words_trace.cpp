// What recorded routing says: the words of `moesim trace stats`.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"recorded routing", "trace|recording", "라우팅 기록",
     "Which experts a real model chose, token by token or as counts, written by a serving engine or a "
     "study. `moesim trace stats FILE` says what it shows.",
     "실제 모델이 어느 전문가를 골랐는지를 토큰마다, 또는 횟수로 적은 파일입니다. `moesim trace stats "
     "FILE`이 "
     "그 내용을 알려 줍니다."},
    {"choices", "", "", "Assignments of a recording: one for each token and each of its experts.",
     "기록된 배정의 수입니다. 토큰마다, 그 토큰의 전문가마다 하나입니다."},
    {"domain", "domains", "분야",
     "What the tokens were about (code, papers, …). Of a recording: its most chosen expert, the share of the "
     "domain's tokens that choose it, the chance of that (k/E), and how far its load is from that of the "
     "model's other domains (distance: total variation).",
     "토큰이 다루는 분야(코드, 논문 등)입니다. 기록에서는 가장 많이 고른 전문가, 그 분야 토큰 가운데 그 "
     "전문가를 "
     "고른 비율, 우연이면 나올 값(k/E), 같은 모델의 다른 분야들과 부하가 얼마나 다른지(distance, 전변동)를 "
     "말합니다."},
    {"distance", "", "",
     "Total variation between two sets of load shares: half the sum of what differs, 0 to 1.",
     "두 부하 비율 사이의 전변동입니다. 차이를 모두 더한 것의 절반이며 0에서 1까지입니다."},
    {"vocabulary", "ids|occurrences", "어휘",
     "Do experts serve words? Of the occurrences of a vocabulary id, the share that choose its most frequent "
     "expert, mean over occurrences; beside it the same by popularity alone, and k/E, the chance of any one "
     "expert.",
     "전문가가 단어를 가려 맡는지를 봅니다. 어휘 번호 하나의 등장 가운데 그 번호가 가장 자주 고른 전문가를 "
     "고른 "
     "비율의 평균이며, 인기만으로 나올 값과 한 전문가의 우연값 k/E가 함께 나옵니다."},
    {"popularity", "", "인기",
     "What would be seen if only how often each expert is chosen counted: two tokens far apart, or always "
     "the "
     "most frequent guess.",
     "전문가마다 얼마나 자주 골라지는지만 따질 때 나올 값입니다. 멀리 떨어진 두 토큰을 견주거나, 늘 가장 "
     "흔한 "
     "것을 찍는 셈입니다."},
    {"repetition", "", "반복",
     "How often neighbouring tokens of a sequence choose the same experts: the same first choice, an expert "
     "among the first two of both, and how many experts both have.",
     "한 시퀀스에서 이웃한 토큰이 같은 전문가를 고르는 정도입니다. 첫 선택이 같은 비율, 앞의 두 선택이 "
     "겹치는 "
     "비율, 함께 고른 전문가 수가 나옵니다."},
    {"same_first", "same first choice", "", "Share of neighbouring tokens with the same first choice.",
     "이웃한 두 토큰의 첫 선택이 같은 비율입니다."},
    {"any_of_two", "first or second choice in common", "",
     "Share of neighbouring tokens that have an expert among the first two choices of both.",
     "이웃한 두 토큰이 각각의 앞 두 선택 가운데 같은 전문가를 가진 비율입니다."},
    {"shared_experts", "experts in common", "", "Mean number of experts that neighbouring tokens both chose.",
     "이웃한 두 토큰이 함께 고른 전문가 수의 평균입니다."},
    {"neighbours", "one sequence", "이웃",
     "Tokens that follow each other in one sequence. Distinct experts of neighbours: of batches that are "
     "such "
     "runs.",
     "한 시퀀스에서 이어지는 토큰입니다. 이런 토큰만 모은 배치의 서로 다른 전문가 수도 뜻합니다."},
    {"mixed", "distinct experts of B tokens", "섞은 배치",
     "Batches of tokens of different sequences, drawn at random: what a server decodes together.",
     "서로 다른 시퀀스에서 무작위로 뽑은 토큰의 배치입니다. 서버가 함께 디코딩하는 묶음에 해당합니다."},
    {"pairs", "all pairs|adjacent_pairs|neighbouring ranks", "쌍",
     "Experts that a token chooses together: all pairs of its choices, or those of neighbouring ranks alone "
     "(first with second, …).",
     "한 토큰이 함께 고른 전문가 쌍입니다. 모든 쌍, 또는 순위가 이웃한 쌍(첫째와 둘째 등)만 셉니다."},
    {"departure", "", "",
     "How far the shares of the pairs are from what popularity alone gives (total variation, 0 to 1); beside "
     "it the mean by chance, from as many pairs.",
     "쌍의 비율이 인기만으로 나올 값과 얼마나 다른지입니다(전변동, 0에서 1). 같은 수의 쌍에서 우연히 나올 "
     "평균이 "
     "함께 나옵니다."},
    {"top", "", "", "The pairs with the most more than popularity gives, the most first.",
     "인기만으로 나올 값보다 가장 많이 나온 쌍부터 적습니다."},
    {"share_of_tokens", "of_rarer|count", "",
     "Of a pair: the share of all tokens that chose both experts; of_rarer: of those that chose the rarer of "
     "the two.",
     "쌍의 두 전문가를 모두 고른 토큰의 비율입니다. of_rarer는 둘 가운데 드문 전문가를 고른 토큰에 대한 "
     "비율입니다."},
    {"lift", "", "향상도", "How many times as often a pair is chosen as popularity alone would have it.",
     "어떤 쌍이 인기만 따질 때보다 몇 배 자주 골라지는지입니다."},
    {"cache", "caches|lru|lfu|fixed|optimal|possible|fixed_learned_from", "캐시",
     "Share of a token's experts found in a cache of the layer that holds so many: LRU replaces the one "
     "unused "
     "for longest, LFU the one used least, fixed holds those chosen most in other sequences (or in the first "
     "half), possible is the most that any cache can reach (Belady).",
     "전문가 몇 개를 담는 층별 캐시에서 필요한 전문가가 이미 있는 비율입니다. LRU는 가장 오래 쓰지 않은 "
     "것을, "
     "LFU는 가장 적게 쓴 것을 바꾸고, fixed는 다른 시퀀스(또는 앞 절반)에서 가장 많이 쓴 것을 담아 두며, "
     "possible은 어떤 캐시도 넘지 못하는 값입니다(Belady)."},
    {"next_layer", "next layer", "다음 층",
     "How often the first choice of the next recorded layer is guessed from this layer's: as its most "
     "frequent "
     "follower.",
     "이 층의 첫 선택만 보고 다음 층의 첫 선택을 맞힌 비율입니다. 가장 자주 뒤따른 것을 찍습니다."},
    {"held_out", "in_sample|popularity_held_out", "",
     "in_sample: guesses scored on the tokens they were counted on, which flatters; held_out: counted on the "
     "first half of the tokens, scored on the second.",
     "in_sample은 센 토큰에서 그대로 채점한 값이라 후합니다. held_out은 앞 절반에서 세고 뒤 절반에서 채점한 "
     "값입니다."},
    {"shape", "log_normal|sigma", "",
     "Load shares from the largest to the smallest, described by one number: log-normal with sigma, or "
     "Zipf's "
     "law with an exponent.",
     "큰 것부터 늘어놓은 부하 비율을 숫자 하나로 나타낸 것입니다. 로그정규는 sigma, 지프 법칙은 지수로 "
     "씁니다."},
    {"misfit", "variation|total variation", "",
     "How far a description is from what was recorded: total variation, half the sum of what differs, 0 to "
     "1.",
     "설명이 기록과 얼마나 다른지입니다. 차이를 모두 더한 것의 절반이며 0에서 1까지입니다(전변동)."},
    {"imitation", "recorded|generated|imitated", "모방",
     "Routing drawn with the recorded load shares and a persistence, held against the recording.",
     "기록된 부하 비율과 지속성으로 뽑아 만든 라우팅을 기록과 견준 것입니다."},
    {"affinity", "", "친화도",
     "How strongly an imitation draws the experts that were recorded together: 0 not at all, 1 as strongly "
     "as "
     "the recorded pairs say.",
     "기록에서 함께 나온 전문가를 모방이 얼마나 함께 뽑는지입니다. 0은 전혀, 1은 기록된 쌍의 "
     "비율만큼입니다."},
    {"max_over_mean", "busiest over mean", "",
     "Load of the busiest expert over the mean load: 1 + max_violation.",
     "가장 바쁜 전문가의 부하를 평균 부하로 나눈 값입니다(1 + max_violation)."},
    {"kept_tokens", "", "",
     "Of each layer, the first tokens that are kept whole: mixed batches, caches, next layer, vocabulary and "
     "imitation see no others.",
     "층마다 통째로 남겨 두는 첫 토큰들입니다. 섞은 배치, 캐시, 다음 층, 어휘, 모방은 이 토큰만 봅니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> trace_words() {
  return kWords;
}

}  // namespace moesim
