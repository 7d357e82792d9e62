/** The head of the list: what the columns are, and by which of them it is sorted. */
import { SORTS, sortedBy, type Sort, type Time } from "../state/filter";
import { filter, setFilter } from "../state/location";
import { clear, isAllSelected, selected, toggle } from "./selected";

export function ListHead({ ids }: { ids: readonly string[] }) {
  const chosen = selected.value;
  const isAll = isAllSelected.value || (ids.length > 0 && ids.every((id) => chosen.has(id)));
  return (
    <div role="rowgroup" class="head">
      <div role="row" aria-rowindex={1} class="row">
        <span role="columnheader" class="pick">
          <input
            type="checkbox"
            aria-label={`Select all ${ids.length.toLocaleString("en")} tasks loaded`}
            checked={isAll}
            onChange={() => (isAll ? clear() : toggle(ids, true))}
          />
        </span>
        <span role="columnheader" class="status">
          Status
        </span>
        <span role="columnheader" class="name">
          Task
        </span>
        <span role="columnheader" class="progress">
          Progress
        </span>
        <span role="columnheader" class="owner">
          Owner
        </span>
        <Sorted />
        <span role="columnheader" class="took">
          Run time
        </span>
      </div>
    </div>
  );
}

const WORDS: Record<Time, string> = { created: "Created", started: "Started", ended: "Ended" };

/** The column of the time by which the list is in order. */
function Sorted() {
  const { sort } = filter.value;
  const by = sortedBy(sort);
  const isFirst = sort === by;
  return (
    <span role="columnheader" class="created" aria-sort={isFirst ? "ascending" : "descending"}>
      <button
        type="button"
        class="sorter"
        title={sort ? SORTS[sort] : "Newest first"}
        onClick={() => setFilter({ sort: isFirst ? (by === "created" ? "" : `-${by}` as Sort) : by })}
      >
        {WORDS[by]} <span aria-hidden="true">{isFirst ? "↑" : "↓"}</span>
      </button>
    </span>
  );
}
