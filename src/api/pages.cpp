#include "api/pages.hpp"

#include <string>

#include "proto/negotiation.hpp"

namespace starling::api {
namespace {

using proto::HttpResponse;

// Nothing of other hosts is loaded, and no text can become markup or a script. Browsers without
// trusted types ignore the last two directives.
constexpr std::string_view content_security_policy =
    "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; "
    "object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

struct ChosenForm {
  const PageForm* form = nullptr;  // nullptr: none that the client takes
  std::string_view coding;         // empty: identity
};

// The one of the greatest weight; of equal ones the smallest, which is br before gzip.
ChosenForm choose_form(const Page& page, const proto::HttpRequest& request) {
  const proto::CodingWeights weights = proto::coding_weights(request);
  ChosenForm chosen;
  unsigned best = 0;
  const auto consider = [&](const PageForm& form, std::string_view coding, unsigned weight) {
    if (form.etag.empty() || weight <= best) return;
    chosen = {&form, coding};
    best = weight;
  };
  consider(page.br, "br", weights.br);
  consider(page.gzip, "gzip", weights.gzip);
  consider(page.identity, {}, weights.identity);
  return chosen;
}

}  // namespace

const Page* find_page(std::span<const Page> pages, std::string_view path) {
  // A room's address shows the same page, which reads the room from it.
  constexpr std::string_view rooms = "/room/";
  if (path.size() > rooms.size() && path.starts_with(rooms) &&
      path.find('/', rooms.size()) == std::string_view::npos) {
    path = "/";
  }
  for (const Page& page : pages) {
    if (page.path == path) return &page;
  }
  return nullptr;
}

HttpResponse answer_page(const Page& page, const proto::HttpRequest& request) {
  const ChosenForm chosen = choose_form(page, request);
  HttpResponse response;
  if (!chosen.form) {
    response = proto::problem(406, "bad_request", "None of the codings of this page is accepted");
    response.headers.emplace_back("Vary", "Accept-Encoding");
    return response;
  }
  response.headers = {
      {"ETag", std::string{chosen.form->etag}},
      {"Cache-Control", page.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Vary", "Accept-Encoding"},
      {"Content-Security-Policy", std::string{content_security_policy}},
      {"X-Content-Type-Options", "nosniff"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Referrer-Policy", "no-referrer"},
  };
  if (proto::none_match_lists(request, chosen.form->etag)) {
    response.status = 304;
    return response;
  }
  if (!chosen.coding.empty()) response.headers.emplace_back("Content-Encoding", chosen.coding);
  response.content_type = page.content_type;
  response.static_body = chosen.form->bytes;
  return response;
}

}  // namespace starling::api
