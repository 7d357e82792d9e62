/** The bar for what is selected. */
import { useEffect } from "preact/hooks";
import type { Action } from "bgtasks-client";
import { filter } from "../state/location";
import { askFor, isAllowed } from "../state/permissions";
import { isPossible } from "../state/task";
import { askBulk } from "./bulk";
import { confirm, permitted } from "./confirm";
import { complete, get, rows, version } from "./rows";
import { clearAndReturn, isAllSelected, selected } from "./selected";

const ASKED = 200; // for more than these, the server's answer to the action decides

export function Selection({ total }: { total: number | null }) {
  version.value;
  const ids = [...selected.value].filter((id) => get(id));
  useEffect(() => void askFor(ids.slice(0, ASKED)), [selected.value]);
  if (!ids.length) return null;
  const isAllLoaded = ids.length === rows.value.length;
  return (
    <div class="selection" role="region" aria-label="Selected tasks">
      {isAllSelected.value ? (
        <AllThatMatch total={total} />
      ) : (
        <>
          <p>
            <b>{ids.length.toLocaleString("en")}</b> {isAllLoaded && !complete.value ? "loaded selected" : "selected"}
          </p>
          {isAllLoaded && !complete.value && (
            <button type="button" class="link" onClick={() => (isAllSelected.value = true)}>
              Select all {total?.toLocaleString("en") ?? ""} that match
            </button>
          )}
          <Act action="cancel" ids={ids} />
          <Act action="retry" ids={ids} />
        </>
      )}
      <button type="button" class="quiet" onClick={clearAndReturn}>
        Clear selection
      </button>
      {!isAllSelected.value && <Forbidden ids={ids} />}
    </div>
  );
}

function AllThatMatch({ total }: { total: number | null }) {
  return (
    <>
      <p>
        All <b>{total?.toLocaleString("en") ?? ""}</b> that match are selected
      </p>
      {(["cancel", "retry", "delete"] as const).map((action) => (
        <button
          key={action}
          type="button"
          class={action === "retry" ? "primary" : "danger"}
          onClick={() => askBulk(action, filter.peek(), clearAndReturn)}
        >
          {action[0]!.toUpperCase() + action.slice(1)} all…
        </button>
      ))}
    </>
  );
}

function Act({ action, ids }: { action: Action; ids: readonly string[] }) {
  const possible = permitted(action, ids);
  return (
    <button
      type="button"
      class={action === "cancel" ? "danger" : "primary"}
      disabled={!possible.length}
      onClick={() => confirm(action, possible, ids.length - possible.length, clearAndReturn)}
    >
      {action === "cancel" ? "Cancel" : "Retry"} {possible.length.toLocaleString("en")}
    </button>
  );
}

function Forbidden({ ids }: { ids: readonly string[] }) {
  const count = (action: Action) =>
    ids.filter((id) => isPossible(action, get(id)!) && isAllowed(action, id) === false).length;
  const cancel = count("cancel");
  const retry = count("retry");
  if (!cancel && !retry) return null;
  const words = [];
  if (cancel) words.push(`cancel ${cancel.toLocaleString("en")}`);
  if (retry) words.push(`retry ${retry.toLocaleString("en")}`);
  return <p class="fine">You are not allowed to {words.join(" and to ")} of these.</p>;
}
