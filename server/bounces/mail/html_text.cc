#include "server/bounces/mail/html_text.h"

#include <libxml/HTMLparser.h>
#include <libxml/tree.h>

#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/mail/mime_mail.h"

namespace suppressd {
namespace {

bool IsHidden(absl::string_view name) {
  return name == "script" || name == "style" || name == "head" || name == "title";
}

bool IsBlock(absl::string_view name) {
  static const auto* const kBlocks = new absl::flat_hash_set<absl::string_view>{
      "p",  "div", "br", "tr", "table", "li", "ul", "ol", "h1",  "h2",         "h3",
      "h4", "h5",  "h6", "hr", "dt",    "dd", "td", "th", "pre", "blockquote", "body"};
  return kBlocks->contains(name);
}

absl::string_view View(const xmlChar* text) {
  return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

// Walks without recursion: a page may be nested deeply.
std::string TextOf(xmlNode* root) {
  std::string text;
  const auto line_end = [&text] {
    if (!text.empty() && text.back() != '\n') text.push_back('\n');
  };
  xmlNode* node = root;
  while (node != nullptr && text.size() < kPartBytesMax) {
    const bool element = node->type == XML_ELEMENT_NODE;
    if (node->type == XML_TEXT_NODE) absl::StrAppend(&text, View(node->content));
    if (element && IsBlock(View(node->name))) line_end();
    if (element && node->children != nullptr && !IsHidden(View(node->name))) {
      node = node->children;
      continue;
    }
    while (node != root && node->next == nullptr) {
      node = node->parent;
      if (IsBlock(View(node->name))) line_end();
    }
    if (node == root) break;
    node = node->next;
  }
  return text;
}

}  // namespace

std::string HtmlToText(const std::string& html) {
  const int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
  const std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> page(
      htmlReadMemory(html.data(), static_cast<int>(html.size()), nullptr, "UTF-8", options), xmlFreeDoc);
  if (page == nullptr) return "";
  xmlNode* const root = xmlDocGetRootElement(page.get());
  return root == nullptr ? "" : ToUtf8(TextOf(root));
}

}  // namespace suppressd
