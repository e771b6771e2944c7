#include "store/stored_detail.h"

#include "store/result_store.h"

namespace moesim {

StoredDetail ResultStore::detail(const std::string& id) const {
  StoredDetail detail;
  const auto read = [&](const char* columns_and_table, const char* order, const auto& take) {
    Statement select = database_.prepare(std::string("SELECT ") + columns_and_table +
                                         " t JOIN points p ON t.point = p.number WHERE p.id = ? ORDER BY " +
                                         order + " LIMIT " + std::to_string(kMostDetailRows + 1));
    select.bind(1, id);
    std::size_t rows = 0;
    while (select.step()) {
      if (++rows > kMostDetailRows) {
        detail.cut = true;
        break;
      }
      take(select);
    }
  };
  read("variant, repetition, seconds FROM samples", "t.rowid", [&](const Statement& row) {
    detail.timings.push_back({row.text(0), row.integer(1), row.real(2)});
  });
  read("step, layer, expert, routed, processed FROM experts", "step, layer, expert",
       [&](const Statement& row) {
         detail.loads.push_back({row.is_null(0) ? -1 : row.integer(0), row.integer(1), row.integer(2),
                                 row.integer(3), row.integer(4)});
       });
  read("layer, expert_a, expert_b, tokens FROM co_activation", "layer, expert_a, expert_b",
       [&](const Statement& row) {
         detail.pairs.push_back({row.integer(0), row.integer(1), row.integer(2), row.integer(3)});
       });
  read("what, layer, low, high, count FROM histograms", "t.rowid", [&](const Statement& row) {
    detail.bins.push_back({row.text(0), row.integer(1), row.real(2), row.real(3), row.integer(4)});
  });
  read("thread, stage, begin_s, end_s FROM timeline", "thread, begin_s", [&](const Statement& row) {
    detail.spans.push_back({row.integer(0), row.text(1), row.real(2), row.real(3)});
  });
  read("DISTINCT t.place, domain, text FROM tokens", "t.place", [&](const Statement& row) {
    detail.tokens.push_back({row.integer(0), row.text(1), row.text(2)});
  });
  // Until version 2 the tokens' own table had the first layer's choices.
  read(version_ > 2 ? "layer, t.place, expert, weight, kept FROM choices"
                    : "0, t.place, expert, weight, kept FROM tokens",
       version_ > 2 ? "layer, t.place, t.rowid" : "t.place, t.rowid", [&](const Statement& row) {
         if (!row.is_null(2)) {
           detail.choices.push_back(
               {row.integer(0), row.integer(1), row.integer(2), row.real(3), row.integer(4) != 0});
         }
       });
  return detail;
}

}  // namespace moesim
