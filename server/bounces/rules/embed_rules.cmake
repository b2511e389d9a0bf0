# Writes OUTPUT, a C++ source that holds the text of INPUT. As numbers: compilers limit the length of one literal.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x0a,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT}.new "// Generated from bounce_rules.yaml.
#include \"server/bounces/rules/builtin_rules.h\"

namespace suppressd {

static const unsigned char kText[] = {
${bytes}};

absl::string_view BuiltInRulesYaml() { return {reinterpret_cast<const char*>(kText), ${size}}; }

}  // namespace suppressd
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
