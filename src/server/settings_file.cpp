// The configuration file. The only place that knows toml++.
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "server/keys.hpp"
#include "server/settings.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

Value value_of_node(const toml::node& node) {
  Value value;
  if (const auto* text = node.as_string()) value.text = text->get();
  if (const auto* truth = node.as_boolean()) value.truth = truth->get();
  if (const auto* number = node.as_integer(); number && number->get() >= 0) {
    value.number = static_cast<std::uint64_t>(number->get());
  }
  if (const auto* array = node.as_array()) {
    std::vector<std::string> list;
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (!text) return value;
      list.push_back(text->get());
    }
    value.list = std::move(list);
  }
  return value;
}

}  // namespace

// A file as its lines, read into the settings.
struct FileReader {
  Settings& settings;
  std::string path;
  std::vector<std::string> lines;
  std::vector<Key> keys;

  Origin origin(const toml::source_position& at) const {
    return {path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column),
            at.line > 0 && at.line <= lines.size() ? lines[at.line - 1] : "",
            static_cast<unsigned>(at.line), static_cast<unsigned>(at.column)};
  }

  void problem(const toml::source_position& at, std::string what) {
    settings.problems_.push_back({origin(at), std::move(what)});
  }

  void read_section(std::string_view section, const toml::table& table) {
    const std::vector<std::string> known = names_of(keys);
    for (const auto& [key, node] : table) {
      const std::string name = std::string{section} + "." + std::string{key.str()};
      if (std::ranges::find(known, name) == known.end()) {
        problem(key.source().begin, unknown("key", name, known));
        continue;
      }
      const toml::source_position& at = node.source().begin;
      const std::string wrong = settings.set(keys, name, value_of_node(node), origin(at));
      if (!wrong.empty()) problem(at, std::string{"'"}.append(name).append("' ").append(wrong));
    }
  }

  void read(const toml::table& root) {
    std::vector<std::string> sections;
    for (const Key& key : keys) sections.push_back(key.section());
    for (const auto& [name, node] : root) {
      const std::string section{name.str()};
      const toml::table* table = node.as_table();
      if (std::ranges::find(sections, section) == sections.end()) {
        problem(name.source().begin, unknown("section", section, sections));
      } else if (!table) {
        problem(node.source().begin, "'" + section + "' must be a section");
      } else {
        read_section(section, *table);
      }
    }
  }
};

void Settings::apply_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) {
    problem(path, "the file cannot be read");
    return;
  }
  std::vector<std::string> lines;
  std::stringstream again{text};
  for (std::string line; std::getline(again, line);) lines.push_back(line);
  FileReader reader{*this, path, std::move(lines), keys_of(config_)};
  try {  // the library's way of reporting a syntax error; it ends here
    const toml::table root = toml::parse(text, path);
    reader.read(root);
  } catch (const toml::parse_error& error) {
    reader.problem(error.source().begin, std::string{error.description()});
  }
}

}  // namespace starling::server
