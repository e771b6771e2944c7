// The machine and the build: what `moesim doctor` examines and results record.

#include "cli/explanations.h"

namespace moesim {
namespace {

constexpr Explanation kWords[] = {
    {"doctor", "", "",
     "`moesim doctor`: is this machine fit to measure, and what can it do at best (--roofline)? Each line is "
     "one check with its verdict.",
     "`moesim doctor`. 이 컴퓨터가 측정에 알맞은지, 최고로 얼마나 낼 수 있는지(--roofline)를 봅니다. 한 줄이 "
     "검사 하나와 그 판정입니다."},
    {"fit", "fit with remarks", "",
     "doctor's verdict: times may be quoted with their intervals; with remarks, compare only what ran in "
     "turns in one run.",
     "doctor의 판정으로, 시간을 구간과 함께 인용해도 됩니다. with remarks이면 한 실행에서 번갈아 잰 것끼리만 "
     "견주십시오."},
    {"not fit", "unfit", "",
     "Times measured now would mislead: a check of doctor failed. The line below it says what to do.",
     "지금 잰 시간은 오해를 부릅니다. 검사에 걸린 것이 있으며, 무엇을 할지는 그 아래 줄에 있습니다."},
    {"remark", "", "",
     "A check of doctor found something that costs accuracy but does not make times worthless.",
     "정확도를 떨어뜨리지만 측정을 못 쓰게 하지는 않는 점을 검사에서 찾았다는 뜻입니다."},
    {"unknown", "", "", "The system does not say; doctor's verdict does not count it.",
     "시스템이 알려 주지 않는 항목이며, 판정에 넣지 않습니다."},
    {"check", "advice|text", "",
     "A check of doctor: its verdict (check.NAME), what was found (.text) and what to do (.advice). Also the "
     "executor that runs two others and compares.",
     "doctor의 검사 하나로, 판정(check.이름), 찾은 것(.text), 할 일(.advice)입니다. 두 실행기를 돌려 견주는 "
     "실행기의 이름이기도 합니다."},
    {"build", "version|revision|compiler|type|arch|optimised|sanitizers", "빌드",
     "How this moesim was built: version, revision, compiler, type and instruction-set level. Only a release "
     "build measures: debug and sanitizer builds are slower.",
     "이 moesim의 버전, 리비전, 컴파일러, 빌드 종류, 명령어 집합입니다. 측정은 릴리스 빌드로만 합니다. "
     "디버그·새니타이저 빌드는 느립니다."},
    {"machine", "processor|usable_cores|last_level_cache_bytes|memory_bytes|level", "컴퓨터",
     "The processor, the cores that this process may use, the last-level cache and the memory of the machine "
     "a result comes from.",
     "결과를 잰 컴퓨터의 프로세서, 이 프로세스가 쓸 수 있는 코어, 마지막 단계 캐시, 메모리입니다."},
    {"instructions", "instruction set|avx512|avx2|portable", "명령어 집합",
     "The set of instructions the kernels use: avx512, avx2, or portable, which runs anywhere and is several "
     "times slower.",
     "커널이 쓰는 명령어 집합으로 avx512, avx2, portable 가운데 하나입니다. portable은 어디서나 돌지만 몇 배 "
     "느립니다."},
    {"core", "", "코어",
     "Whether the threads really get a core each: by the scaling of a loop that never leaves the registers.",
     "스레드마다 정말 코어 하나씩을 쓰는지를 봅니다. 레지스터를 벗어나지 않는 반복문이 얼마나 빨라지는지로 "
     "잽니다."},
    {"affinity", "online_cores|allowed_cores", "",
     "How many of the machine's processors this process may use.",
     "컴퓨터의 프로세서 가운데 이 프로세스가 쓸 수 있는 수입니다."},
    {"quota", "quota_cores|throttled_periods", "",
     "Processor time that a control group (a container) grants. Once it is used up, all threads stop for a "
     "part of each period.",
     "컨테이너(control group)가 허락한 프로세서 시간입니다. 다 쓰면 주기마다 모든 스레드가 잠시 멈춥니다."},
    {"smt", "hyper-threading", "",
     "Whether two threads share a core (simultaneous multithreading): then two are worth little more than "
     "one.",
     "스레드 둘이 코어 하나를 나누어 쓰는지(동시 멀티스레딩)입니다. 그러면 둘이 하나보다 별로 빠르지 "
     "않습니다."},
    {"governor", "", "", "The system's rule for the processor's frequency; only `performance` holds it.",
     "프로세서 주파수를 정하는 시스템의 규칙입니다. `performance`만 주파수를 유지합니다."},
    {"steal", "", "", "Processor time that other guests of the same host took, on a virtual machine.",
     "가상 머신에서, 같은 호스트의 다른 게스트가 가져간 프로세서 시간입니다."},
    {"others", "others_cores|load_average|cpu_pressure", "",
     "Processor time that other processes used during the test, the load, and how often something waited for "
     "a core.",
     "검사하는 동안 다른 프로세스가 쓴 프로세서 시간, 시스템 부하(load average), 코어를 기다린 일이 있던 "
     "비율입니다."},
    {"memory_limit_bytes", "group_memory_bytes", "",
     "Memory that a run may use: four fifths of what is free to this process, within the limit of its "
     "control group (group_memory_bytes).",
     "실행 하나가 쓸 수 있는 메모리로, 이 프로세스가 쓸 수 있는 양의 5분의 4입니다. control group의 "
     "한도(group_memory_bytes)도 셈에 넣습니다."},
    {"huge_pages", "transparent huge pages", "",
     "Whether the system gives pages of 2 MiB: large arrays are read faster with them.",
     "시스템이 2 MiB짜리 큰 페이지를 주는지입니다. 큰 배열을 읽을 때 빨라집니다."},
    {"roofline", "", "루프라인",
     "GFLOP/s that a kernel can reach, by how many FLOPs it does for each byte it reads: first bytes are the "
     "limit, then arithmetic. The letters say where the bytes lie: 1, 2, 3 the caches, m memory.",
     "바이트 하나를 읽어 연산을 몇 번 하는지에 따라 커널이 낼 수 있는 GFLOP/s입니다. 처음에는 바이트가, "
     "나중에는 연산이 한계가 됩니다. 그림의 1, 2, 3은 캐시, m은 메모리에서 읽을 때입니다."},
    {"multiply-adds", "multiply-add peak|peak", "최고 연산 속도",
     "The most multiplications and additions a second, in a loop that never leaves the registers; on one "
     "thread and on all.",
     "레지스터를 벗어나지 않는 반복문이 내는 초당 곱셈·덧셈의 최댓값입니다. 스레드 하나와 전체로 잽니다."},
    {"scaling", "", "", "How many times faster all threads together run the register loop than one.",
     "모든 스레드가 함께 돌 때 레지스터 반복문이 하나일 때의 몇 배로 빨라지는지입니다."},
    {"reads", "read speed", "읽기 속도",
     "Bytes a second of plain reads from each level of cache and from memory.",
     "캐시 단계마다, 그리고 메모리에서 읽기만 할 때의 초당 바이트입니다."},
    {"kernel", "", "커널",
     "The loops that multiply an expert's rows by its weights. Their share of the multiply-add peak grows "
     "with the rows: 4:0.50 is half of the peak with 4 rows.",
     "전문가의 행과 가중치를 곱하는 반복문입니다. 행이 많을수록 최고 속도에 가까워집니다. 4:0.50은 4행일 때 "
     "최고 속도의 절반이라는 뜻입니다."},
    {"executor", "", "실행기",
     "What computes the experts: tiled (fast), serial and onednn beside it, check (two that must agree).",
     "전문가를 계산하는 부분입니다. 빠른 tiled와, serial, onednn, 그리고 둘을 돌려 견주는 check가 있습니다."},
    {"executor.layout", "", "",
     "Executor, instruction set and number type of the experts' weights and products, such as "
     "tiled/avx512/float32.",
     "실행기, 명령어 집합, 전문가의 가중치와 곱에 쓰는 자료형입니다(예: tiled/avx512/float32)."},
    {"measure.weights", "", "", "Whether the weights of a step may sit in the caches: warm or cold.",
     "한 스텝의 가중치가 캐시에 있을 수 있는지입니다. warm이나 cold입니다."},
};
static_assert(are_bilingual(kWords));

}  // namespace

std::span<const Explanation> machine_words() {
  return kWords;
}

}  // namespace moesim
