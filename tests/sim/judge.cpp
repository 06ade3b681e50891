#include "judge.hpp"

#include <cstdio>
#include <utility>

#include "io/clock.hpp"

namespace starling::sim {
namespace {

Judge* current = nullptr;

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
  return hash;
}

}  // namespace

Judge& judge() { return *current; }
void set_judge(Judge* judge) { current = judge; }

void Judge::heard(std::string_view who, std::string_view what) {
  const std::int64_t now = io::now().time_since_epoch().count();
  hash_ = mixed(mixed(mixed(hash_, who), what), std::to_string(now));
  if (!verbose_) return;
  std::printf("%12.6f %-10.*s %.*s\n", static_cast<double>(now) / 1e9, static_cast<int>(who.size()),
              who.data(), static_cast<int>(what.size()), what.data());
}

void Judge::broken(std::string_view rule, std::string details) {
  if (failed()) return;
  heard("BROKEN", rule);
  heard("BROKEN", details);
  rule_ = rule;
  details_ = std::move(details);
}

}  // namespace starling::sim
