#pragma once
// How often the program has asked for memory through operator new, which allocations.cpp replaces in the
// programs it is linked to; below 0 where a sanitizer has its own.

#include <cstdint>

std::int64_t allocations();
