/** What somebody should look at, the worst first, each with a way to its tasks. */
import type { Attention, Stats } from "bgtasks-client";
import { Trouble } from "../parts/box";
import { Link } from "../parts/link";
import { At } from "../parts/moments";
import { readFilter } from "../state/filter";
import type { Place } from "../state/location";
import type { Answer } from "../state/resource";

export function AttentionList({ stats }: { stats: Answer<Stats> }) {
  const items = stats.data?.attention ?? [];
  return (
    <section class={`attention ${items.length ? "some" : ""}`} aria-labelledby="attention">
      <h2 id="attention">{items.length ? "Needs attention" : stats.data ? "Nothing needs attention" : "Overview"}</h2>
      <Trouble of={stats} what="how everything stands" />
      {items.length > 0 && (
        <ul>
          {items.map((item, index) => (
            <li key={index}>
              <One item={item} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function One({ item }: { item: Attention }) {
  return (
    <Link to={placeOf(item)} class="concern">
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d="M8 2l6.5 11.5h-13zM8 6.5v3M8 11.4v.2" />
      </svg>
      <span>
        <bdi>{item.text}</bdi>
      </span>
      {item.since && (
        <span class="fine">
          since <At iso={item.since} />
        </span>
      )}
    </Link>
  );
}

/** Where it can be looked at: its failures, its tasks, or what concerns no task. */
function placeOf({ kind, filter, type }: Attention): Place {
  if (kind === "lost" || kind === "blocked") return { page: "processes" };
  if (kind === "unrun" || kind === "paused") return { page: "types" };
  if (kind === "failing") return { page: "failures", type };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter ?? {})) query.append(name, value);
  if (type && !query.has("type")) query.append("type", type);
  return { page: "tasks", filter: readFilter(query) };
}
