#pragma once
// How often this test program has asked for memory through operator new; below 0 where a sanitizer has its
// own.

#include <cstdint>

std::int64_t allocations();
