#pragma once
// Cuts UTF-8 text into tokens without a vocabulary of its own:
//   byte  each byte
//   char  each code point, white space included
//   word  each maximal run of word characters (core/text.h); every other character alone; white space and
//         byte order marks are skipped

#include <span>
#include <string_view>

#include "config/fields.h"

namespace moesim {

enum class TokenizerKind { byte, character, word };

std::span<const EnumName<TokenizerKind>> enum_names(TokenizerKind);

// The first token at or after `offset`, which is moved behind it; empty when there is none. `text` is UTF-8.
std::string_view next_token(TokenizerKind kind, std::string_view text, std::size_t& offset);

}  // namespace moesim
