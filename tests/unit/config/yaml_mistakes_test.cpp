// Mistakes in YAML and the exact message of each, placed in characters.
#include <gtest/gtest.h>

#include "config/yaml.h"

namespace moesim {
namespace {

struct Mistake {
  const char* yaml;
  const char* message;
};

const Mistake kMistakes[] = {
    {"a: 1\na: 2",
     "q.yaml:2:1: error: a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:1: first given here"},
    {"{a: 1, a: 2}",
     "q.yaml:1:8: error: a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:2: first given here"},
    {"layer:\n  d_ff: 1\n  x: {k: 1}\n  d_ff: 2\n",
     "q.yaml:4:3: error: layer.d_ff: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:2:3: first given here"},
    {"layer: {a: {b: 1, c: 2, b: 3}}",
     "q.yaml:1:25: error: layer.a.b: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:13: first given here"},
    {"s: [{a: 1}, {a: 1, a: 2}]",
     "q.yaml:1:20: error: s[1].a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:14: first given here"},
    {"a: 1\na: 2\na: 3",
     "q.yaml:2:1: error: a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:1: first given here\n"
     "q.yaml:3:1: error: a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:1: first given here"},
    {"a: 1\n\"a\": 2",
     "q.yaml:2:1: error: a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:1: first given here"},
    {"한글: 1\n한글: 2",
     "q.yaml:2:1: error: 한글: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:1: first given here"},
    {"{한글: 값, a: 1, a: 2}",
     "q.yaml:1:15: error: a: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:9: first given here"},
    {"- a\nb: 1",
     "q.yaml:2:1: error: this line belongs to nothing above it; expected the indentation of a line above "
     "[yaml-syntax]\n"
     "  help: check the indentation of this line and of the one before"},
    {"  a: 1\n b: 2",
     "q.yaml:2:2: error: this line belongs to nothing above it; expected the indentation of a line above "
     "[yaml-syntax]\n"
     "  help: check the indentation of this line and of the one before"},
    {"a: 1\n---\na: 2",
     "q.yaml:2:1: error: a second document begins here; expected one document in a file [yaml-feature]\n"
     "  help: remove the '---' or '...' line, or make two files"},
    {"a: 1\n---\n",
     "q.yaml:2:1: error: a second document begins here; expected one document in a file [yaml-feature]\n"
     "  help: remove the '---' or '...' line, or make two files"},
    {"a: 1\n...\nb: 2",
     "q.yaml:3:1: error: a second document begins here; expected one document in a file [yaml-feature]\n"
     "  help: remove the '---' or '...' line, or make two files"},
    {"--- 1\n--- 2",
     "q.yaml:2:1: error: a second document begins here; expected one document in a file [yaml-feature]\n"
     "  help: remove the '---' or '...' line, or make two files"},
    {"{a: 1} {b: 2}",
     "q.yaml:1:8: error: this stands behind the end of the value; expected the end of the line "
     "[yaml-syntax]\n"
     "  help: put the whole text in quotes"},
    {"{a: 1}\nb: 2",
     "q.yaml:2:1: error: this line belongs to nothing above it; expected the indentation of a line above "
     "[yaml-syntax]\n"
     "  help: check the indentation of this line and of the one before"},
    {"key: 'x", "q.yaml:1:6: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
    {"key: \"x\n", "q.yaml:1:6: error: the quote (\") is never closed; expected a second \" [yaml-syntax]"},
    {"key: 'x\nb: 1\n",
     "q.yaml:1:6: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
    {"key: !!str 'x\n",
     "q.yaml:1:12: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
    {"키: \"값\", b: 1",
     "q.yaml:1:7: error: ',' is not expected here [yaml-syntax]\n"
     "  help: put a text that holds it in quotes"},
    {"키: \"값", "q.yaml:1:4: error: the quote (\") is never closed; expected a second \" [yaml-syntax]"},
    {"k: {a: 'x}\n", "q.yaml:1:8: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
    {"a: [\"x\", 'y", "q.yaml:1:10: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
    {"a: 1\n'b: 2\n", "q.yaml:2:1: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
    {"\"x\\", "q.yaml:1:1: error: the quote (\") is never closed; expected a second \" [yaml-syntax]"},
    {"a: 'x\nb: 'y'\n",
     "q.yaml:2:5: error: this stands behind the end of the value; expected the end of the line "
     "[yaml-syntax]\n"
     "  help: put the whole text in quotes\n"
     "  note: q.yaml:1:4: the quoted text that begins here goes on for several lines"},
    {"a: \"x\"y",
     "q.yaml:1:7: error: this stands behind the end of the value; expected the end of the line "
     "[yaml-syntax]\n"
     "  help: put the whole text in quotes"},
    {"a: 'it's'",
     "q.yaml:1:8: error: this stands behind the end of the value; expected the end of the line "
     "[yaml-syntax]\n"
     "  help: put the whole text in quotes"},
    {"a: [1, 2] b",
     "q.yaml:1:11: error: this stands behind the end of the value; expected the end of the line "
     "[yaml-syntax]\n"
     "  help: put the whole text in quotes"},
    {"a: [1, 2", "q.yaml:1:4: error: the '[' is never closed; expected ']' [yaml-syntax]"},
    {"a: {b: 1\n", "q.yaml:1:4: error: the '{' is never closed; expected '}' [yaml-syntax]"},
    {"a: {b: \"1\"\nc: 2\n",
     "q.yaml:2:1: error: 'c' is not expected here; expected ',' or '}' [yaml-syntax]\n"
     "  note: q.yaml:1:4: the '{' stands here"},
    {"a: [1}",
     "q.yaml:1:6: error: '}' does not close the '['; expected ']' [yaml-syntax]\n"
     "  note: q.yaml:1:4: the '[' stands here"},
    {"한: {b: 1]",
     "q.yaml:1:9: error: ']' does not close the '{'; expected '}' [yaml-syntax]\n"
     "  note: q.yaml:1:4: the '{' stands here"},
    {"a: ]",
     "q.yaml:1:4: error: ']' closes nothing [yaml-syntax]\n"
     "  help: remove it, or put a text in quotes"},
    {"a: 1\n}",
     "q.yaml:2:1: error: '}' closes nothing [yaml-syntax]\n"
     "  help: remove it, or put a text in quotes"},
    {"a: [1]]",
     "q.yaml:1:7: error: ']' closes nothing [yaml-syntax]\n"
     "  help: remove it, or put a text in quotes"},
    {"a: {b: 1 c: 2}",
     "q.yaml:1:11: error: ':' is not expected here; expected ',' or '}' [yaml-syntax]\n"
     "  note: q.yaml:1:4: the '{' stands here"},
    {"a: {b: \"1\" c: 2}",
     "q.yaml:1:12: error: 'c' is not expected here; expected ',' or '}' [yaml-syntax]\n"
     "  note: q.yaml:1:4: the '{' stands here"},
    {",",
     "q.yaml:1:1: error: ',' is not expected here [yaml-syntax]\n"
     "  help: put a text that holds it in quotes"},
    {", a: 1",
     "q.yaml:1:1: error: ',' is not expected here [yaml-syntax]\n"
     "  help: put a text that holds it in quotes"},
    {"a: 1\n, b",
     "q.yaml:2:1: error: ',' is not expected here [yaml-syntax]\n"
     "  help: put a text that holds it in quotes"},
    {"[a, , b]",
     "q.yaml:1:5: error: nothing stands before the ','; expected a value [yaml-syntax]\n"
     "  help: remove the ','"},
    {"{a: 1, , b: 2}",
     "q.yaml:1:8: error: nothing stands before the ','; expected a value [yaml-syntax]\n"
     "  help: remove the ','"},
    {"[,]",
     "q.yaml:1:2: error: nothing stands before the ','; expected a value [yaml-syntax]\n"
     "  help: remove the ','"},
    {": 1", "q.yaml:1:1: error: a value without a key; expected a text as a key [yaml-syntax]"},
    {"{: 1}", "q.yaml:1:2: error: a value without a key; expected a text as a key [yaml-syntax]"},
    {"~: 1",
     "q.yaml:1:1: error: null as a key; expected a text as a key [yaml-feature]\n"
     "  help: put the key in quotes"},
    {"a: b: c",
     "q.yaml:1:5: error: ':' is not expected here [yaml-syntax]\n"
     "  help: check the indentation and the line before; put a text with ': ' in it in quotes"},
    {"한글: 둘: 셋",
     "q.yaml:1:6: error: ':' is not expected here [yaml-syntax]\n"
     "  help: check the indentation and the line before; put a text with ': ' in it in quotes"},
    {"a\nb: 1",
     "q.yaml:2:2: error: ':' is not expected here [yaml-syntax]\n"
     "  help: check the indentation and the line before; put a text with ': ' in it in quotes"},
    {"a: \"x\" :",
     "q.yaml:1:8: error: ':' is not expected here [yaml-syntax]\n"
     "  help: check the indentation and the line before; put a text with ': ' in it in quotes"},
    {"a: - 1",
     "q.yaml:1:4: error: '- ' is not expected here [yaml-syntax]\n"
     "  help: begin the list on a line of its own, or write it in brackets: [a, b]"},
    {"a:\n  b: 1\n c: 2",
     "q.yaml:3:2: error: this line belongs to nothing above it; expected the indentation of a line above "
     "[yaml-syntax]\n"
     "  help: check the indentation of this line and of the one before"},
    {"a:\n  - 1\n - 2",
     "q.yaml:3:2: error: this line belongs to nothing above it; expected the indentation of a line above "
     "[yaml-syntax]\n"
     "  help: check the indentation of this line and of the one before"},
    {"a: [1, 2]\n  b: 3",
     "q.yaml:2:3: error: this line belongs to nothing above it; expected the indentation of a line above "
     "[yaml-syntax]\n"
     "  help: check the indentation of this line and of the one before"},
    {"a: 1\n  b: 2",
     "q.yaml:1:4: error: the text \"1 b\" goes on over several lines; expected one line [yaml-syntax]\n"
     "  help: check the indentation, commas and colons; put a long text in quotes"},
    {"- a\n - b",
     "q.yaml:1:3: error: the text \"a - b\" goes on over several lines; expected one line [yaml-syntax]\n"
     "  help: check the indentation, commas and colons; put a long text in quotes"},
    {"layer:\n  x:256\n  y: 3",
     "q.yaml:3:4: error: ':' is not expected here [yaml-syntax]\n"
     "  help: check the indentation and the line before; put a text with ': ' in it in quotes"},
    {"a: {x: 1\nb: 3}",
     "q.yaml:1:8: error: the text \"1 b\" goes on over several lines; expected one line [yaml-syntax]\n"
     "  help: check the indentation, commas and colons; put a long text in quotes"},
    {"a:\n\tb: 1",
     "q.yaml:2:1: error: a tab before the first character of the line; expected spaces [yaml-syntax]\n"
     "  help: replace the tab by spaces; YAML does not indent with tabs"},
    {"a: 1\n  \tb: 2",
     "q.yaml:2:3: error: a tab before the first character of the line; expected spaces [yaml-syntax]\n"
     "  help: replace the tab by spaces; YAML does not indent with tabs"},
    {"a: |\n\t\n",
     "q.yaml:2:1: error: a tab before the first character of the line; expected spaces [yaml-syntax]\n"
     "  help: replace the tab by spaces; YAML does not indent with tabs"},
    {"a: x\ty", "q.yaml:1:5: error: a tab in a text without quotes; expected a space [yaml-syntax]"},
    {"a: @x",
     "q.yaml:1:4: error: a value cannot begin with '@' [yaml-syntax]\n"
     "  help: put the text in quotes"},
    {"a: `x`",
     "q.yaml:1:4: error: a value cannot begin with '`' [yaml-syntax]\n"
     "  help: put the text in quotes"},
    {"a: %x",
     "q.yaml:1:4: error: a value cannot begin with '%' [yaml-syntax]\n"
     "  help: put the text in quotes"},
    {"a: \"C:\\data\"",
     "q.yaml:1:9: error: '\\d' means nothing in double quotes; expected \\\\, \\\", \\n, \\t or \\uXXXX "
     "[yaml-syntax]\n"
     "  help: put a text with backslashes in single quotes"},
    {"a: \"\\xzz\"",
     "q.yaml:1:9: error: this is no character; expected \\xXX, \\uXXXX or \\UXXXXXXXX with hexadecimal "
     "digits [yaml-syntax]\n"
     "  help: put a text with backslashes in single quotes"},
    {"a: \"\\ud800\"",
     "q.yaml:1:11: error: this is no character; expected \\xXX, \\uXXXX or \\UXXXXXXXX with hexadecimal "
     "digits [yaml-syntax]\n"
     "  help: put a text with backslashes in single quotes"},
    {"a: \"\\x1b[31m\"",
     "q.yaml:1:4: error: a: a text with the control character \\x1b; expected printable text [yaml-syntax]"},
    {"a: \"\\0\"",
     "q.yaml:1:4: error: a: a text with the control character \\x00; expected printable text [yaml-syntax]"},
    {"a: |x",
     "q.yaml:1:5: error: 'x' is not expected behind '|' or '>'; expected the end of the line [yaml-syntax]\n"
     "  help: put the text in quotes"},
    {"a: \"b\n--- c\"",
     "q.yaml:2:1: error: a line '---' or '...' inside a quoted text [yaml-syntax]\n"
     "  help: close the quote before it"},
    {"a: *nope",
     "q.yaml:1:4: error: '*' names an anchor that does not stand above [yaml-syntax]\n"
     "  help: put a text that begins with '*' in quotes"},
    {"a: *",
     "q.yaml:1:5: error: an incomplete anchor ('&'), alias ('*') or tag ('!'); expected a name behind it, "
     "and one at most [yaml-syntax]\n"
     "  help: put a text that begins with one of these in quotes"},
    {"a: & b",
     "q.yaml:1:5: error: an incomplete anchor ('&'), alias ('*') or tag ('!'); expected a name behind it, "
     "and one at most [yaml-syntax]\n"
     "  help: put a text that begins with one of these in quotes"},
    {"a: &x &y 1",
     "q.yaml:1:7: error: an incomplete anchor ('&'), alias ('*') or tag ('!'); expected a name behind it, "
     "and one at most [yaml-syntax]\n"
     "  help: put a text that begins with one of these in quotes"},
    {"&a [1, *a]",
     "q.yaml:1:8: error: [1]: an alias ('*') inside the part that it names [yaml-feature]\n"
     "  help: write the part out"},
    {"a: &x {b: {c: *x}}",
     "q.yaml:1:15: error: a.b.c: an alias ('*') inside the part that it names [yaml-feature]\n"
     "  help: write the part out"},
    {"<<: {a: 1}",
     "q.yaml:1:1: error: a merge key ('<<'); expected a text as a key [yaml-feature]\n"
     "  help: write the keys out, or extend a whole file with 'extends: other.yaml'"},
    {"a: &x {b: 1}\nc:\n  <<: *x\n  d: 1",
     "q.yaml:3:3: error: c: a merge key ('<<'); expected a text as a key [yaml-feature]\n"
     "  help: write the keys out, or extend a whole file with 'extends: other.yaml'"},
    {"a: &x {b: 1}\n*x : 2",
     "q.yaml:2:1: error: an alias ('*') as a key; expected a text as a key [yaml-feature]\n"
     "  help: write the key out"},
    {"? [a, b]\n: c",
     "q.yaml:1:3: error: a list as a key; expected a text as a key [yaml-feature]\n"
     "  help: put a text in quotes"},
    {"{[a]: b}",
     "q.yaml:1:2: error: a list as a key; expected a text as a key [yaml-feature]\n"
     "  help: put a text in quotes"},
    {"? {a: 1}\n: c",
     "q.yaml:1:3: error: a map as a key; expected a text as a key [yaml-feature]\n"
     "  help: put a text in quotes"},
    {"a: !foo 3",
     "q.yaml:1:4: error: a: the tag '!foo'; expected no tag, or !!str, !!int, !!float, !!bool or !!null "
     "[yaml-feature]\n"
     "  help: remove the tag, or put a text that begins with '!' in quotes"},
    {"a: !<tag:x> 3",
     "q.yaml:1:4: error: a: the tag '!<tag:x>'; expected no tag, or !!str, !!int, !!float, !!bool or !!null "
     "[yaml-feature]\n"
     "  help: remove the tag, or put a text that begins with '!' in quotes"},
    {"a: !!binary aGk=",
     "q.yaml:1:4: error: a: the tag '!!binary'; expected no tag, or !!str, !!int, !!float, !!bool or !!null "
     "[yaml-feature]\n"
     "  help: remove the tag, or put a text that begins with '!' in quotes"},
    {"a: !!null 3",
     "q.yaml:1:4: error: a: the tag '!!null' with a value; expected no value [yaml-feature]\n"
     "  help: remove the tag"},
    {"a: !!null nullx",
     "q.yaml:1:4: error: a: the tag '!!null' with a value; expected no value [yaml-feature]\n"
     "  help: remove the tag"},
    {"a: !!seq {b: 1}", "q.yaml:1:4: error: a: a tag ('!') on a map; expected no tag [yaml-feature]"},
    {"a: !set [b]", "q.yaml:1:4: error: a: a tag ('!') on a list; expected no tag [yaml-feature]"},
    {"!!str a: 1", "q.yaml:1:7: error: a tag ('!') on a key; expected a text as a key [yaml-feature]"},
    {"%YAML 1.1\n---\na: 1",
     "q.yaml:1:1: error: a directive ('%'); expected YAML 1.2 without directives [yaml-feature]\n"
     "  help: remove the line"},
    {"%TAG ! x:\n---\na: 1",
     "q.yaml:1:1: error: a directive ('%'); expected YAML 1.2 without directives [yaml-feature]\n"
     "  help: remove the line"},
    {"# c\n\n%FOO\n---\na: 1",
     "q.yaml:3:1: error: a directive ('%'); expected YAML 1.2 without directives [yaml-feature]\n"
     "  help: remove the line"},
    {"a: {b: 1, b: 2}\nc: !x 1\n<<: 3\nd: 'e",
     "q.yaml:1:11: error: a.b: given twice [duplicate-key]\n"
     "  help: remove one of the two\n"
     "  note: q.yaml:1:5: first given here\n"
     "q.yaml:2:4: error: c: the tag '!x'; expected no tag, or !!str, !!int, !!float, !!bool or !!null "
     "[yaml-feature]\n"
     "  help: remove the tag, or put a text that begins with '!' in quotes\n"
     "q.yaml:3:1: error: a merge key ('<<'); expected a text as a key [yaml-feature]\n"
     "  help: write the keys out, or extend a whole file with 'extends: other.yaml'\n"
     "q.yaml:4:4: error: the quote (') is never closed; expected a second ' [yaml-syntax]"},
};

TEST(YamlMistakes, EachHasItsExactMessage) {
  for (const Mistake& mistake : kMistakes) {
    Diagnostics diagnostics;
    parse_yaml(mistake.yaml, "q.yaml", diagnostics);
    std::string messages;
    for (const Diagnostic& diagnostic : diagnostics.list()) {
      messages += (messages.empty() ? "" : "\n") + render(diagnostic);
    }
    EXPECT_EQ(messages, mistake.message) << mistake.yaml;
  }
}

TEST(YamlMistakes, AFlowMapThatEndsBehindItsColonIsAnErrorAndNotACrash) {
  for (const char* yaml : {"{:", "c: {:", "c:\n{:", "[{:", "{a: {:", "? {:"}) {
    Diagnostics diagnostics;
    parse_yaml(yaml, "q.yaml", diagnostics);
    EXPECT_FALSE(diagnostics.empty()) << yaml;
  }
}

// With Windows line ends, with a byte order mark and with a last line feed nothing moves.
TEST(YamlMistakes, PlacesDoNotDependOnLineEnds) {
  for (const Mistake& mistake : kMistakes) {
    std::string yaml = "\xef\xbb\xbf";
    for (const char* c = mistake.yaml; *c != '\0'; ++c) {
      yaml += *c == '\n' ? "\r\n" : std::string(1, *c);
    }
    Diagnostics plain;
    Diagnostics windows;
    parse_yaml(mistake.yaml, "q.yaml", plain);
    parse_yaml(yaml, "q.yaml", windows);
    ASSERT_EQ(plain.list().size(), windows.list().size()) << mistake.yaml;
    for (std::size_t i = 0; i < plain.list().size(); ++i) {
      EXPECT_EQ(render(plain.list()[i]), render(windows.list()[i])) << mistake.yaml;
    }
  }
}

}  // namespace
}  // namespace moesim
