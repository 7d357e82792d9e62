/** The head of the list: what the columns are, and by which of them it is sorted. */
import type { ComponentChildren } from "preact";
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
        <Sorted by="created" class="created">
          Created
        </Sorted>
        <span role="columnheader" class="took">
          Run time
        </span>
      </div>
    </div>
  );
}

function Sorted(props: { by: string; class: string; children: ComponentChildren }) {
  const { sort } = filter.value;
  const isOldest = sort === props.by;
  return (
    <span role="columnheader" class={props.class} aria-sort={isOldest ? "ascending" : "descending"}>
      <button
        type="button"
        class="sorter"
        title={isOldest ? "Oldest first" : "Newest first"}
        onClick={() => setFilter({ sort: isOldest ? "" : props.by })}
      >
        {props.children} <span aria-hidden="true">{isOldest ? "↑" : "↓"}</span>
      </button>
    </span>
  );
}
