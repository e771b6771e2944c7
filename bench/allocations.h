#pragma once
// How often the program has asked for memory through operator new, which bench/main.cpp replaces.

#include <cstdint>

std::int64_t allocations();
