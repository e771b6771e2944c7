// Headings and labels of the screens, and what else commands and results call things.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"where each word went", "where each token went|shown tokens", "",
     "The first words (or tokens) of the batch, the experts that got each, best first, and the weights of "
     "the choices. --show-tokens N shows more.",
     "배치의 첫 단어(토큰)마다 어느 전문가가 받았는지를 가중치가 큰 순서로 보여 줍니다. --show-tokens N을 "
     "붙이면 더 나옵니다."},
    {"step by step", "all steps", "",
     "The course of MaxVio over the steps in one line: each sign is the mean of as many steps, from 0 to the "
     "largest shown.",
     "MaxVio가 스텝을 따라 변한 모습을 한 줄로 그립니다. 기호 하나가 같은 수의 스텝의 평균이며, 0에서 가장 "
     "큰 "
     "값까지입니다."},
    {"in words", "", "", "The run's result in sentences: speed against dense layers, parameters, balance.",
     "실행 결과를 문장으로 쓴 것입니다. 밀집 층과 견준 속도, 파라미터, 균형을 말합니다."},
    {"routing only", "executed", "",
     "A run that scores, chooses and plans but computes no expert (execute: false).",
     "점수를 매기고 고르고 계획하되 전문가는 계산하지 않는 실행입니다(execute: false)."},
    {"routed", "", "",
     "How many tokens went through the router, and how many a second, making and counting them included. "
     "Also assignments before drops.",
     "라우터를 지난 토큰 수와 초당 토큰 수입니다(토큰을 만들고 세는 시간 포함). 버리기 전의 배정을 뜻하기도 "
     "합니다."},
    {"point", "place|status|finished", "점",
     "The experiments of a sweep, one for each combination of values: its place in the plan, whether it "
     "finished, and its result.",
     "스윕의 실험들로, 값의 조합마다 하나입니다. 계획에서의 순서, 끝났는지, 결과가 나옵니다."},
    {"best", "best tokens/s|best load CV|best active parameters", "",
     "In a sweep: the point with the most tokens/s, the smallest load CV or the fewest active parameters.",
     "스윕에서 초당 토큰 수가 가장 많거나, 부하 CV가 가장 작거나, 활성 파라미터가 가장 적은 점입니다."},
    {"pareto", "*|pareto front", "파레토 최적",
     "In a sweep, a * marks points that no other point beats: none is at least as good in tokens/s, load CV "
     "and active parameters. In a comparison * marks what differs.",
     "스윕에서 *는 초당 토큰 수, 부하 CV, 활성 파라미터 모두에서 같거나 나은 다른 점이 없는 점입니다. "
     "비교에서는 *가 달라진 값을 뜻합니다."},
    {"needs", "", "", "Time and memory that a sweep is expected to take.",
     "스윕에 들 것으로 보이는 시간과 메모리입니다."},
    {"resume", "", "", "Points of a sweep that are already stored and will not run again.",
     "이미 저장되어 다시 실행하지 않는 스윕의 점입니다."},
    {"failed", "again", "",
     "A point of a sweep that could not run, with its error and the command that tries it again.",
     "실행하지 못한 스윕의 점입니다. 오류와 다시 해 보는 명령이 함께 나옵니다."},
    {"time", "in all", "시간",
     "Of a dry run (--dry-run): what each variant is expected to take, from a quick look at the yardstick.",
     "--dry-run에서, 잣대를 잠깐 재어 추정한 변형별 시간입니다."},
    {"next", "", "", "A command worth typing next; what was set stays set.",
     "다음에 해 볼 만한 명령입니다. 지금까지 정한 값은 그대로 둡니다."},
    {"saved", "", "", "The folder in which the result is stored, below runs/ (or MOESIM_RUNS_DIR).",
     "결과가 저장된 폴더입니다. runs/(또는 MOESIM_RUNS_DIR) 아래에 있습니다."},
    {"report", "", "보고서",
     "One HTML file with charts of a run, a sweep or a comparison: --report, or `moesim report`.",
     "실행, 스윕, 비교의 차트를 담은 HTML 파일 하나입니다. --report나 `moesim report`로 만듭니다."},
    {"config", "", "설정",
     "A YAML file that describes an experiment, or the name of a built-in one such as quickstart.",
     "실험을 적은 YAML 파일, 또는 quickstart 같은 내장 설정의 이름입니다."},
    {"weights", "checkpoint", "",
     "The layer of a model's folder whose gate and experts a run has (layer.checkpoint, layer.index). "
     "Without such a "
     "line they are drawn from the seed.",
     "실행의 게이트와 전문가를 가져온 모델 폴더와 그 층입니다(layer.checkpoint, layer.index). 이 줄이 없으면 "
     "시드로 "
     "만든 가중치입니다."},
    {"reading the checkpoint", "", "",
     "Of memory: what reading a checkpoint's layer needs beyond the weights as they are kept, while the run "
     "begins.",
     "메모리 항목입니다. 체크포인트의 층을 읽는 동안, 보관할 가중치 말고 더 드는 양입니다."},
    {"seed", "", "시드",
     "Everything random follows from it: the same seed gives the same weights, choices and outputs.",
     "모든 무작위 값의 출발점입니다. 시드가 같으면 가중치, 선택, 출력이 모두 같습니다."},
    {"verdict", "", "판정",
     "Of a run: timing ok, noisy, invalid or not_timed. Of a comparison: faster, slower, no clear "
     "difference. Of doctor: fit, fit with remarks, not fit.",
     "실행에서는 시간이 ok, noisy, invalid, not_timed 가운데 무엇인지, 비교에서는 faster, slower, no clear "
     "difference, doctor에서는 fit, fit with remarks, not fit입니다."},
    {"differ", "goes to|of experts|by their experts|by their weights", "",
     "Of route --diff: how many tokens two routers treat differently, by their experts or by their weights "
     "alone, and the stage at which the first of them parts.",
     "route --diff에서 두 라우터가 다르게 다룬 토큰 수입니다. 전문가가 다른 것과 가중치만 다른 것을 나누고, "
     "처음 갈라지는 단계를 보여 줍니다."},
    {"a", "b", "", "The two sides of a comparison; figures of each are a.m.NAME and b.m.NAME.",
     "비교의 두 쪽입니다. 각 쪽의 수치는 a.m.이름, b.m.이름입니다."},
    {"interrupted", "", "", "The work was stopped by Ctrl-C; what was done until then counts.",
     "Ctrl-C로 멈췄습니다. 그때까지 한 것은 유효합니다."},
    {"schema", "", "", "What kind of result a row is, and in which version of its format.",
     "한 행이 어떤 결과이고 그 형식의 몇 번째 판인지입니다."},
    {"name", "", "이름", "What the config calls itself; with it begins the name of the folder of results.",
     "설정이 스스로 붙인 이름이며, 결과 폴더 이름의 앞부분이 됩니다."},
    {"error", "", "오류",
     "What is wrong, where, what was expected, and a short name in square brackets that explain knows.",
     "무엇이 어디서 잘못되었고 무엇이 필요했는지를 적습니다. 대괄호 속의 짧은 이름은 explain이 설명합니다."},
    {"kind", "preset|프리셋", "",
     "kind names a family with its own keys; preset a published model's router, a set of values for a "
     "family.",
     "kind는 자기 키를 가진 계열의 이름, preset은 공개된 모델의 라우터로 계열의 값들을 정해 둔 것입니다."},
    {"sweep", "where|zip|axis", "스윕",
     "The section of a config that describes many experiments: each key an axis with its values, zip for "
     "axes that advance together, where for the combinations that count. `moesim sweep` runs them; "
     "docs/formats.md shows one.",
     "여러 실험을 한꺼번에 적는 설정의 섹션입니다. 키마다 값들을 가진 축이 되고, zip은 함께 움직이는 축, "
     "where는 쓸 조합의 조건입니다. `moesim sweep`이 실행하며, 예는 docs/formats.md에 있습니다."},
    {"extends", "", "",
     "Another config whose keys hold where this one gives none: a file in the same folder or below.",
     "이 설정에 없는 키를 가져올 다른 설정입니다. 같은 폴더나 그 아래의 파일이어야 합니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> screen_words() {
  return kWords;
}

}  // namespace moesim
