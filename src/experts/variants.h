#pragma once
// Private to this room: the entries that experts/catalogue.cpp lists.

#include "experts/executor.h"

namespace moesim {

// Keys of the executor section that every kind has.
inline const std::vector<std::string> kExecutorReserved = {"kind", "threads"};

ExecutorEntry executor_check();
ExecutorEntry executor_onednn();
ExecutorEntry executor_serial();
ExecutorEntry executor_tiled();

}  // namespace moesim
