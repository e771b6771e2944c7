#pragma once
// What this processor can do, for the files that are compiled for more than MOESIM_ARCH.

namespace moesim {

bool has_avx512();  // F, BW, DQ and VL
bool has_avx2();    // and FMA, F16C
// Dot products of narrow numbers, beside one of these.
bool has_avx512_vnni();
bool has_avx512_bf16();
bool has_avx_vnni();

}  // namespace moesim
