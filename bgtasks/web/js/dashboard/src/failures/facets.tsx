/** Which values the failed tasks have, and how many of all that have them failed. */
import { Trouble } from "../parts/box";
import { Link } from "../parts/link";
import type { Facet, FailureGroup, Items } from "../state/answers";
import type { Filter } from "../state/filter";
import { range } from "../state/location";
import { rangeQuery } from "../state/range";
import { ask, useAnswer } from "../state/resource";
import { askBulk } from "../tasks/bulk";

const MOST = 8;

interface Props {
  group: FailureGroup;
  by: string;
  name: string;
  still: () => Filter;
}

export function Facets({ group, by, name, still }: Props) {
  const found = useAnswer(JSON.stringify([group.group, by, range.value]), () =>
    ask<Items<Facet>>(`/api/failures/${encodeURIComponent(group.group)}/facets`, [
      ["by", by],
      ...Object.entries(rangeQuery(range.peek())),
    ]),
  );
  const items = found.data?.items ?? [];
  if (by.startsWith("args.") && found.data && tellsNothing(items)) return null;
  const all = items.reduce((sum, { failed }) => sum + failed, 0);
  return (
    <section class="panel" aria-label={`By ${name}`}>
      <h2>
        By <bdi>{name}</bdi>
      </h2>
      <Trouble of={found} what={`which ${name}`} />
      {found.data && !items.length && <p class="fine">None.</p>}
      <ul>
        {items.slice(0, MOST).map((facet) => (
          <li key={String(facet.value)}>
            <One facet={facet} all={all} filter={narrowed(still(), by, facet)} group={group} />
          </li>
        ))}
      </ul>
      {items.length > MOST && <p class="fine">and {items.length - MOST} more</p>}
    </section>
  );
}

/** A value of its own for each task tells nothing. */
function tellsNothing(items: readonly Facet[]): boolean {
  return !items.length || (items.length > 3 && items.every(({ failed }) => failed === 1));
}

function One(props: { facet: Facet; all: number; filter: Filter | null; group: FailureGroup }) {
  const { facet, all, filter, group } = props;
  const { value, failed, total } = facet;
  const word = value === null ? "none" : String(value).slice(0, 100);
  const count = failed.toLocaleString("en");
  // Some have run again since: how many are still failed says the dialog.
  const isExact = group.recovered + group.retrying === 0;
  return (
    <>
      <span class="facet-bar" style={{ width: `${(100 * failed) / Math.max(all, 1)}%` }} aria-hidden="true" />
      {filter ? (
        <Link to={{ page: "tasks", filter }}>
          <bdi>{word}</bdi>
        </Link>
      ) : (
        <bdi>{word}</bdi>
      )}{" "}
      <span class="fine" title={total === null ? undefined : "of all that ended or failed in this time"}>
        {count}
        {total !== null && ` of ${total.toLocaleString("en")}`}
      </span>{" "}
      {filter && group.stillFailed > 0 && (
        <button type="button" class="small" onClick={() => askBulk("retry", filter)}>
          {isExact ? `Retry these ${count}` : "Retry these…"}
        </button>
      )}
    </>
  );
}

/** The failed tasks that have this value; `null`: there is no filter for it. */
function narrowed(still: Filter, by: string, { value }: Facet): Filter | null {
  if (by === "owner") return { ...still, owners: [value === null ? "" : String(value)] };
  if (by.startsWith("args.") && value !== null) return { ...still, args: { [by.slice(5)]: String(value) } };
  return null;
}
