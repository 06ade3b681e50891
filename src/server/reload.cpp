#include "server/reload.hpp"

#include <type_traits>
#include <variant>

#include "server/keys.hpp"
#include "server/value.hpp"

namespace starling::server {

Reload reload(const Config& running, const Config& wanted) {
  Reload result{running, {}, {}};
  Config source = wanted;
  const std::vector<Key> into = keys_of(result.config);
  const std::vector<Key> from = keys_of(source);
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (toml_of(into[i]) == toml_of(from[i])) continue;
    if (into[i].takes == Takes::restart) {
      result.deferred.push_back(into[i].name);
      continue;
    }
    std::visit(
        [&from, i](auto* target) {
          *target = *std::get<std::decay_t<decltype(target)>>(from[i].target);
        },
        into[i].target);
    result.changed.push_back(into[i].name);
  }
  return result;
}

}  // namespace starling::server
