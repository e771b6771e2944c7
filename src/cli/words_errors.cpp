// Short names of errors.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    // of configs
    {"unknown-key", "", "",
     "The section has no key of that name. A misspelt key is never ignored: it would silently mean the "
     "default. `moesim explain SECTION` (layer, router, capacity …) prints the keys that exist, `moesim "
     "explain config` those of all sections (docs/config.md).",
     "그 섹션에 없는 키입니다. 오타를 무시하면 말없이 기본값이 쓰이므로 오류로 다룹니다. `moesim explain "
     "섹션이름`(layer, router, capacity …)이 그 섹션의 키를, `moesim explain config`가 모든 키를 보여 "
     "줍니다."},
    {"unknown-variant", "", "",
     "`kind`, `preset` or a name on the command line names something that does not exist. `moesim routers` "
     "lists the routers, `moesim explain` the words it knows.",
     "`kind`나 `preset`, 또는 명령줄에 적은 이름이 존재하지 않습니다. 라우터는 `moesim routers`, 설명이 있는 "
     "낱말은 `moesim explain`으로 볼 수 있습니다."},
    {"unknown-choice", "", "", "The key takes one of a few words, and this is none of them.",
     "정해진 몇 가지 값 가운데 하나만 쓸 수 있는 키인데, 그중에 없는 값입니다."},
    {"unknown-loads", "", "",
     "There are no measured loads of that name. Names are model/domain/layer; configs/presets/loads.yaml, or "
     "the file that the config names, lists them.",
     "그 이름으로 측정된 부하가 없습니다. 이름은 모델/분야/층이며, configs/presets/loads.yaml이나 설정이 "
     "가리키는 파일에 나와 있습니다."},
    {"several-recordings", "", "",
     "The file holds recordings of several models, domains or rankings, and one is needed. `where` keeps "
     "those whose columns have the values given.",
     "파일에 여러 모델이나 분야, 순위의 기록이 들어 있는데 하나만 필요합니다. `where`에 적은 열의 값과 같은 "
     "것만 남습니다."},
    {"no-such-layer", "", "", "The recording or the model has no such layer; the message lists those it has.",
     "그런 층이 기록이나 모델에 없습니다. 있는 층은 오류 문구에 나옵니다."},
    {"wrong-type", "", "",
     "The value is of another type than the key takes. Numbers are written 8, 0x8, 1e6 or 0.5; true and "
     "false are the only booleans; text in quotes is never a number.",
     "키가 받는 것과 자료형이 다릅니다. 숫자는 8, 0x8, 1e6, 0.5처럼 쓰고, 참·거짓은 true와 false뿐이며, "
     "따옴표로 묶은 것은 숫자가 되지 않습니다."},
    {"out-of-range", "", "", "The number is outside what the key accepts; the message gives both ends.",
     "키가 받는 범위를 벗어난 수입니다. 범위의 양 끝은 오류 문구에 있습니다."},
    {"missing-key", "", "", "A key without a default was not given.",
     "기본값이 없어서 반드시 적어야 하는 키가 빠졌습니다."},
    {"missing-option", "", "",
     "A command was not given what it needs: a config, or the numbers that a router looks at (hash routers "
     "token ids, routers of cosines and BASE layers the tokens' vectors). The message names it.",
     "명령에 꼭 필요한 것이 빠졌습니다. 설정 파일이거나, 라우터가 보는 수치(해시 라우터는 토큰 id, 코사인 "
     "라우터와 BASE 층은 토큰 벡터)입니다. 무엇인지는 오류 문구에 있습니다."},
    {"duplicate-key", "", "", "The same key or entry stands twice; which one was meant cannot be known.",
     "같은 키나 항목이 두 번 나와서 어느 쪽을 뜻하는지 알 수 없습니다."},
    {"no-effect", "", "",
     "The key or option is known but would change nothing here, for example a capacity factor when nothing "
     "is dropped. Keys that do nothing make experiments lie, so this is an error. Remove it.",
     "아는 키나 옵션이지만 여기서는 아무것도 바꾸지 않습니다(예: 아무것도 버리지 않는데 준 용량 계수). 효과 "
     "없는 키는 실험 결과를 잘못 읽게 하므로 오류로 다룹니다. 지우면 됩니다."},
    {"no-report", "", "",
     "This moesim was built where npm was missing or could not fetch the chart library of the HTML report. "
     "Install npm and node and build again; everything else works without them.",
     "이 moesim은 npm이 없거나 HTML 보고서의 차트 라이브러리를 받지 못한 곳에서 빌드되었습니다. npm과 node를 "
     "설치하고 다시 빌드하십시오. 나머지 기능은 그대로 됩니다."},
    {"no-figures", "", "",
     "This moesim cannot draw the wanted kind of figure: any takes Duktape (duktape-dev), PNG and PDF also "
     "librsvg (librsvg2-dev). Install what is missing and build again.",
     "이 moesim은 그 형식의 그림을 그리지 못합니다. 모든 그림에 Duktape(duktape-dev)가, PNG와 PDF에는 "
     "librsvg(librsvg2-dev)도 필요합니다. 설치하고 다시 빌드하십시오."},
    {"not-built", "", "",
     "An executor was named that this build does not have: `onednn` takes oneDNN (libdnnl-dev). Install it "
     "and build again, or name another executor.",
     "이 빌드에 들어 있지 않은 실행기(executor)입니다. `onednn`에는 oneDNN(libdnnl-dev)이 필요합니다. "
     "설치하고 다시 빌드하거나 다른 실행기를 고르십시오."},
    {"no-instructions", "", "",
     "executor.instructions, or the products that executor.activations needs, are not on this processor or "
     "not in this build. `auto` takes the best that is there; `moesim doctor` says which are usable.",
     "executor.instructions나 executor.activations에 필요한 명령어가 이 프로세서나 이 빌드에 없습니다. "
     "`auto`는 쓸 수 있는 것 가운데 가장 좋은 것을 고르고, 무엇을 쓸 수 있는지는 `moesim doctor`가 알려 "
     "줍니다."},
    {"types-differ", "", "",
     "Activations of a narrow type (int8, bf16) need weights of the same type: set executor.weights too, or "
     "write activations: auto.",
     "좁은 자료형(int8, bf16)의 활성값은 같은 자료형의 가중치와만 곱할 수 있습니다. executor.weights도 "
     "맞추거나 activations: auto로 쓰십시오."},
    {"bad-relation", "", "",
     "Two values do not fit each other, for example top_k larger than num_experts. The note names the other "
     "one and its place.",
     "두 값이 서로 맞지 않습니다(예: num_experts보다 큰 top_k). 다른 한쪽이 무엇이고 어디에 있는지는 note "
     "줄에 있습니다."},
    {"wrong-length", "", "",
     "A list has another number of entries than the layer needs; the message gives both numbers.",
     "목록의 항목 수가 층에 필요한 수와 다릅니다. 두 수 모두 오류 문구에 있습니다."},
    {"not-finite", "", "",
     "A number is infinite or not a number where the computation needs a finite one; the message names the "
     "place. Look at the input at that place.",
     "유한한 수가 필요한 곳에 무한대나 NaN이 있습니다. 오류 문구가 가리키는 자리의 입력을 확인하십시오."},
    {"no-convergence", "", "",
     "A computation that repeats until its result settles has not settled within its limit. The help line "
     "names the key of the limit.",
     "결과가 안정될 때까지 반복하는 계산이 정해진 횟수 안에 수렴하지 않았습니다. 횟수를 정하는 키는 help "
     "줄에 있습니다."},
    {"not-divisible", "", "",
     "One number must divide another; the help line gives the nearest values that work.",
     "한 수가 다른 수로 나누어떨어져야 합니다. 조건에 맞는 가장 가까운 값은 help 줄에 있습니다."},
    {"preset-and-kind", "", "",
     "A router is named either by `preset` (a model's router) or by `kind` (a family), not both.",
     "라우터는 `preset`(공개된 모델의 라우터)이나 `kind`(라우터 계열) 가운데 하나로만 지정합니다."},
    {"yaml-syntax", "", "",
     "The text is not YAML at that place: an unclosed quote or bracket, a tab, a wrong indentation.",
     "그 자리가 YAML 문법에 맞지 않습니다. 닫히지 않은 따옴표나 괄호, 탭, 잘못된 들여쓰기일 때가 많습니다."},
    {"yaml-feature", "", "",
     "YAML allows it, configs do not: several documents, tags, merge keys (<<), keys that are not plain "
     "words, aliases that contain themselves.",
     "YAML에는 있지만 설정 파일에서는 쓸 수 없는 기능입니다. 여러 문서, 태그, 병합 키(<<), 낱말이 아닌 키, "
     "자기 자신을 포함하는 별칭이 그렇습니다."},
    {"yaml-limit", "", "",
     "Configs are limited: 1 MiB, depth 32, 100,000 nodes after expanding aliases, 64 KiB a value.",
     "설정 파일의 한도(1 MiB, 깊이 32, 별칭을 펼친 뒤 노드 100,000개, 값 하나에 64 KiB)를 넘었습니다."},
    {"bad-utf8", "", "", "The file is not UTF-8 text at that byte. Save it as UTF-8.",
     "그 바이트부터 UTF-8 텍스트가 아닙니다. 파일을 UTF-8로 저장하십시오."},
    {"bad-override", "", "",
     "--set takes key.path=value, for example --set router.top_k=4; --set capacity=none removes a section.",
     "--set에는 키.경로=값을 씁니다(예: --set router.top_k=4). --set capacity=none은 섹션 전체를 없앱니다."},
    {"bad-extends", "", "",
     "`extends` names another config in the same folder or below it, and may not lead back to itself.",
     "`extends`에는 같은 폴더나 그 아래의 다른 설정 파일만 쓸 수 있고, 돌고 돌아 자기 자신을 가리켜서는 안 "
     "됩니다."},
    {"sweep-section", "", "",
     "A config with a `sweep` section describes many experiments: `moesim sweep` runs them all.",
     "`sweep` 섹션이 있는 설정은 여러 실험을 뜻합니다. `moesim sweep`으로 한꺼번에 실행하십시오."},
    {"bad-axis", "", "", "An axis of a sweep is a key with its values: a list, or a range first..last:step.",
     "스윕의 축은 키와 값들입니다. 값은 목록이나 처음..끝:간격 꼴의 범위로 씁니다."},
    {"bad-where", "", "",
     "`where` is a condition on numbers: the keys of the sweep and of the config, + - * /, <= < >= > == !=, "
     "&& and ||. Combinations for which it does not hold are left out.",
     "`where`는 수에 대한 조건입니다. 스윕과 설정의 키, + - * /, <= < >= > == !=, &&와 ||를 쓸 수 있고, "
     "조건이 거짓인 조합은 빠집니다."},
    {"changed-meanwhile", "", "",
     "A config or a data file was edited while a sweep ran: what would run is not what was planned.",
     "스윕이 도는 동안 설정이나 데이터 파일이 바뀌어, 이대로 실행하면 계획과 다른 실험이 됩니다."},
    {"data-missing", "", "",
     "The path begins with ${MOESIM_DATA}, which is not set. It names a folder of optional data sets; "
     "everything else works without it.",
     "경로가 ${MOESIM_DATA}로 시작하는데 이 환경 변수가 없습니다. 선택 사항인 데이터 폴더를 가리키는 "
     "변수이며, 없어도 나머지는 됩니다."},
    // of files and the machine
    {"file-missing", "", "", "There is no such file.", "그런 파일이 없습니다."},
    {"file-unreadable", "", "", "The file exists but may not be read.",
     "파일은 있지만 읽을 권한이 없습니다."},
    {"not-a-file", "", "", "The path is a folder, a device or a pipe; a regular file was expected.",
     "일반 파일이 아니라 폴더나 장치, 파이프를 가리키는 경로입니다."},
    {"not-a-folder", "", "", "The path is a file; the folder of a checkpoint was expected.",
     "파일을 가리키는 경로입니다. 체크포인트 폴더의 경로가 필요합니다."},
    {"file-too-large", "", "", "The file is longer than what is accepted there.",
     "파일이 그 자리에서 받는 크기보다 큽니다."},
    {"file-changed", "", "", "The file changed or became shorter while it was being read.",
     "읽는 도중에 파일이 바뀌거나 짧아졌습니다."},
    {"empty-file", "", "", "The file holds no token.", "파일에 토큰이 하나도 없습니다."},
    {"npy-malformed", "", "", "The .npy file breaks its format at the byte the message names.",
     "오류 문구가 가리키는 바이트에서 .npy 형식이 깨져 있습니다."},
    {"npy-length", "", "", "The .npy file is shorter or longer than its header promises.",
     ".npy 파일의 길이가 헤더에 적힌 것과 다릅니다."},
    {"npy-unsupported", "", "",
     "The .npy file is of a kind that is not read; np.save of a float32 or float64 array with one or two "
     "dimensions works, for recorded routing of whole numbers with two or three.",
     "읽을 수 없는 종류의 .npy 파일입니다. 1차원이나 2차원의 float32, float64 배열을 np.save로 저장한 것이면 "
     "됩니다. 라우팅 기록은 2차원이나 3차원의 정수 배열입니다."},
    {"safetensors-malformed", "", "",
     "The .safetensors file breaks its format at the byte the message names: a download that stopped early, "
     "or a file that something else wrote. Download it again.",
     "오류 문구가 가리키는 바이트에서 .safetensors 형식이 깨져 있습니다. 내려받기가 도중에 끊겼거나 다른 "
     "프로그램이 쓴 파일입니다. 다시 내려받으십시오."},
    {"safetensors-unsupported", "", "",
     "The weights are in another format than .safetensors, in a type that is not decoded, or more than is "
     "accepted. Pickles (.bin, .pt) can run code and are never opened; the help line converts them safely.",
     "가중치가 .safetensors가 아닌 형식이거나, 해독하지 않는 자료형이거나, 한도를 넘습니다. 피클(.bin, "
     ".pt)은 코드를 실행할 수 있어 절대 열지 않으며, 안전하게 변환하는 명령은 help 줄에 있습니다."},
    {"safetensors-index", "", "",
     "model.safetensors.index.json is not what it must be, or it and the files it names do not agree on "
     "which tensor is where. Download the folder again, all files of one revision.",
     "model.safetensors.index.json이 올바르지 않거나, 어느 텐서가 어느 파일에 있는지가 실제 파일들과 "
     "다릅니다. 같은 리비전의 파일을 모두 다시 내려받으십시오."},
    {"tensor-shape", "", "",
     "A tensor of the checkpoint has another type or shape than its place there needs; the message gives "
     "both.",
     "체크포인트의 텐서가 그 자리에 필요한 것과 다른 자료형이나 모양입니다. 둘 다 오류 문구에 있습니다."},
    {"path-outside", "", "",
     "A link in a folder leads out of that folder. Files from anybody may not point at other files of yours.",
     "폴더 안의 링크가 그 폴더 밖을 가리킵니다. 남에게서 받은 폴더가 여러분의 다른 파일을 가리키는 것은 "
     "허용하지 않습니다."},
    {"recording-form", "", "",
     "The file is no recorded routing that moesim understands, or may be two kinds. The message lists the "
     "forms (docs/formats.md); `--form NAME` names one. Pickles (.pt, .bin, .pkl) are never opened: they can "
     "run code.",
     "moesim이 아는 라우팅 기록이 아니거나, 두 가지로 읽힐 수 있는 파일입니다. 읽을 수 있는 형식은 오류 "
     "문구와 docs/formats.md에 있고, `--form 이름`으로 정할 수 있습니다. 피클 파일(.pt, .bin, .pkl)은 코드를 "
     "실행할 수 있으므로 열지 않습니다."},
    {"recording-malformed", "", "",
     "Recorded routing breaks its form at the line or byte the message names: an expert that does not exist "
     "or stands twice in a token, a weight that is no number, tokens out of order, counts that do not fit.",
     "라우팅 기록이 오류 문구가 가리키는 줄이나 바이트에서 형식에 어긋납니다. 없는 전문가, 한 토큰에 두 번 "
     "나온 전문가, 숫자가 아닌 가중치, 순서가 틀린 토큰, 맞지 않는 개수 따위입니다."},
    {"recording-packed", "", "",
     "Data packed with gzip or zstd are damaged, end too early, or unfold to more than 1,000 times their "
     "length or 64 GiB.",
     "gzip이나 zstd로 압축된 데이터가 손상되었거나 중간에 끊겼거나, 풀면 압축된 크기의 1,000배 또는 64 GiB를 "
     "넘습니다."},
    {"json-malformed", "", "",
     "The text is not JSON at the byte the message names: an unclosed bracket or quote, a comma too many, or "
     "NaN, which JSON does not have.",
     "오류 문구가 가리키는 바이트부터 JSON 문법에 맞지 않습니다. 닫히지 않은 괄호나 따옴표, 남는 쉼표, "
     "JSON에 없는 NaN일 때가 많습니다."},
    {"json-limit", "", "",
     "The JSON text is deeper than 32 levels or holds more than 200,000 values, which no config.json does.",
     "JSON이 32단계보다 깊거나 값이 200,000개를 넘습니다. config.json은 그렇게 크지 않습니다."},
    {"missing-tensor", "", "",
     "A tensor that the layer needs is not in the checkpoint: a shard was not downloaded, or the names "
     "follow another layout. `moesim inspect DIR` says what is there.",
     "층에 필요한 텐서가 체크포인트에 없습니다. 내려받지 않은 파일이 있거나 이름이 다른 배치를 따르는 "
     "것입니다. 무엇이 있는지는 `moesim inspect DIR`이 알려 줍니다."},
    {"unknown-layout", "", "",
     "The names of a checkpoint's tensors, or one of them, are not those of a layout that is known. Nothing "
     "is guessed: --layout FILE.yaml says which tensor is what (docs/formats.md has the form).",
     "체크포인트의 텐서 이름이 알려진 배치와 맞지 않습니다. 추측하지 않으므로 --layout FILE.yaml로 어느 "
     "텐서가 무엇인지 알려 주십시오(형식은 docs/formats.md)."},
    {"bad-layout", "", "",
     "A layout file says something that no tensor can be: a name without {expert} for one expert's tensor, "
     "or axes that its role does not have. docs/formats.md lists the axes of each role.",
     "배치 파일의 내용이 성립하지 않습니다. 전문가 하나의 텐서인데 이름에 {expert}가 없거나, 그 역할에 없는 "
     "축을 적은 경우입니다. 역할마다 쓸 수 있는 축은 docs/formats.md에 있습니다."},
    {"no-experts", "", "",
     "The layer has an ordinary feed-forward network, no experts. Many models begin with some such layers, "
     "or have them in between; the message lists the layers with experts.",
     "그 층은 전문가가 없는 보통의 피드포워드 층입니다. 처음 몇 층이나 사이사이에 이런 층을 두는 모델이 "
     "많습니다. 전문가가 있는 층은 오류 문구에 있습니다."},
    {"bad-record", "", "",
     "A stored result is not what this program writes: the file is damaged or of another make.",
     "저장된 결과가 이 프로그램이 쓴 꼴이 아닙니다. 파일이 손상되었거나 다른 프로그램의 것입니다."},
    {"cannot-create", "", "",
     "The output file cannot be created: its folder is missing or may not be written, or it exists and "
     "--force was not given.",
     "출력 파일을 만들 수 없습니다. 폴더가 없거나 쓸 권한이 없습니다. 또는 파일이 이미 있는데 --force를 주지 "
     "않았습니다."},
    {"run-busy", "", "", "Another process writes into the same folder of results. One writer at a time.",
     "다른 프로세스가 같은 결과 폴더에 쓰고 있습니다. 한 번에 하나만 쓸 수 있습니다."},
    {"write-failed", "", "", "Not all bytes reached the output, usually because the disk is full.",
     "출력이 끝까지 쓰이지 못했습니다. 대개 디스크가 가득 찬 경우입니다."},
    {"out-of-memory", "", "",
     "The run was refused before anything was allocated: it needs more than four fifths of the memory that "
     "is free to this process (containers count). The help line names a setting that fits.",
     "이 프로세스가 쓸 수 있는 메모리(컨테이너 한도 포함)의 5분의 4를 넘게 필요로 하여, 할당하기 전에 실행을 "
     "거절했습니다. 들어맞는 설정은 help 줄에 있습니다."},
    {"too-large", "", "", "A size does not fit 64 bits.", "크기가 64비트에 들어가지 않습니다."},
    {"bad-option", "", "",
     "The command line is wrong at that option; --help behind the command shows what it takes.",
     "그 옵션이 잘못 쓰였습니다. 명령 뒤에 --help를 붙이면 쓸 수 있는 것이 나옵니다."},
    {"check-failed", "", "",
     "Two executors that must agree did not: the `check` executor found a difference.",
     "결과가 같아야 하는 두 실행기가 달랐습니다. `check` 실행기가 차이를 찾아냈습니다."},
    {"wrong-processor", "", "",
     "The program was built for a processor with more instructions than this one has.",
     "이 프로세서에 없는 명령어를 쓰도록 빌드된 프로그램입니다."},
    {"internal", "", "", "A mistake in moesim itself. Please report it with the command you typed.",
     "moesim 자체의 버그입니다. 입력한 명령과 함께 알려 주십시오."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> error_words() {
  return kWords;
}

}  // namespace moesim
