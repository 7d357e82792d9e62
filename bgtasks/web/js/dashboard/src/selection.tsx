/** The bar for what is selected. */
import { useEffect } from "preact/hooks";
import type { Action } from "bgtasks-client";
import { confirm, permitted } from "./confirm";
import { askFor, isAllowed } from "./permissions";
import { clearAndReturn, selected } from "./selected";
import * as store from "./store";
import { isPossible } from "./task";

const ASKED = 200; // for more than these, the server's answer to the action decides

export function Selection() {
  store.version.value;
  const ids = [...selected.value].filter((id) => store.get(id));
  useEffect(() => void askFor(ids.slice(0, ASKED)), [selected.value]);
  if (!ids.length) return null;
  return (
    <div class="selection" role="region" aria-label="Selected tasks">
      <p>
        <b>{ids.length.toLocaleString("en")}</b> selected
      </p>
      <Act action="cancel" ids={ids} />
      <Act action="retry" ids={ids} />
      <button type="button" class="quiet" onClick={clearAndReturn}>
        Clear selection
      </button>
      <Forbidden ids={ids} />
    </div>
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
    ids.filter((id) => isPossible(action, store.get(id)!) && isAllowed(action, id) === false).length;
  const cancel = count("cancel");
  const retry = count("retry");
  if (!cancel && !retry) return null;
  const words = [];
  if (cancel) words.push(`cancel ${cancel.toLocaleString("en")}`);
  if (retry) words.push(`retry ${retry.toLocaleString("en")}`);
  return <p class="fine">You are not allowed to {words.join(" and to ")} of these.</p>;
}
