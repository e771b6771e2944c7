# Writes one C++ file that holds the bytes of FILES (comma-separated, relative to DIRECTORY).
string(REPLACE "," ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(count 0)
foreach(file IN LISTS FILES)
  file(READ ${DIRECTORY}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "const unsigned char kBytes${count}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${file}\", {reinterpret_cast<const char*>(kBytes${count}), sizeof kBytes${count} - 1}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUTPUT}.new "#include \"io/assets.h\"\n\nnamespace moesim {\nnamespace {\n${arrays}"
  "const Asset kAssets[] = {\n${rows}};\n}  // namespace\n"
  "std::span<const Asset> assets() { return kAssets; }\n}  // namespace moesim\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
