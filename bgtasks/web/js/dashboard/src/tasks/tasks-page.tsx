import { isNarrow } from "../state/filter";
import { filter } from "../state/location";
import { fullTime } from "../state/time";
import { NoMatch, NoTasks, Starting, TasksFailed } from "../shell/states";
import { Chips } from "./chips";
import { totalOf, useCounts } from "./counts";
import { List } from "./list";
import { apply, complete, fresh, isChanged, isOld, isPartlySorted, isReplacing, load, MAX_KEPT, phase, reading, rows, searchedTo, stale, trouble } from "./rows";
import { clear } from "./selected";
import { Selection } from "./selection";
import { Strip } from "./strip";
import { Tabs } from "./tabs";

const A_SCREEN = 30; // rows: where there are fewer, the next page is asked for at once

export function TasksPage() {
  const isReady = phase.value === "ready";
  const counts = useCounts(isReady);
  const total = counts.data && totalOf(filter.value, counts.data);
  if (phase.value === "failed") return <TasksFailed />;
  if (!isReady) return <Starting />;
  const so = filter.value;
  const isEmpty = !rows.value.length && !fresh.value.size && complete.value && !isReplacing.value;
  const isAll = !isNarrow(so) && !so.view && !so.statuses.length;
  return (
    <>
      <h1 class="visually-hidden">Tasks</h1>
      <Tabs counts={counts.data} />
      {isEmpty && isAll ? (
        <NoTasks />
      ) : (
        <section aria-label="Tasks" class="tasks">
          <Chips />
          <Strip isReady={isReady} />
          <News />
          <List />
          {isEmpty && <NoMatch />}
          <Foot total={total} />
          <Selection total={total} />
        </section>
      )}
    </>
  );
}

/** What has come while the order was held. Its place is always there, so that nothing moves. */
function News() {
  const count = fresh.value.size;
  const words = [];
  if (count) words.push(`${count.toLocaleString("en")} new`);
  if (stale.value.size) words.push(`${stale.value.size.toLocaleString("en")} changed`);
  if (isOld.value && !words.length) words.push("Changed");
  return (
    <p class="news" role="status">
      {isChanged.value && (
        <button
          type="button"
          class="small primary"
          onClick={() => {
            clear();
            scrollTo(0, 0);
            apply();
          }}
        >
          {words.join(", ")}: show
        </button>
      )}
    </p>
  );
}

function Foot({ total }: { total: number | null }) {
  const shown = rows.value.length;
  const noun = shown === 1 ? "task" : "tasks";
  if (trouble.value)
    return (
      <p class="foot" role="status">
        Reading failed: {trouble.value}.{" "}
        <button type="button" class="link" onClick={() => void load()}>
          Try again
        </button>
      </p>
    );
  const count = shown.toLocaleString("en");
  if (searchedTo.value !== null)
    return (
      <p class="foot">
        {shown ? `${count} ${noun}` : "Nothing"} found since {fullTime(searchedTo.value)}
        {reading.value || shown < A_SCREEN ? "; looking further back…" : "; more may follow as you scroll."}
      </p>
    );
  if (!shown) return null;
  if (isPartlySorted.value)
    return (
      <p class="foot">
        {count} loaded. Only the newest 10,000 that fit are in this order: choose a tab, a type or an owner.
      </p>
    );
  if (complete.value) return <p class="foot">{isNarrow(filter.value) ? `${count} ${noun} found. That is all.` : `All ${count} ${noun}.`}</p>;
  if (shown >= MAX_KEPT)
    return (
      <p class="foot">
        The page holds no more than {MAX_KEPT.toLocaleString("en")} tasks; filter them to reach others.
      </p>
    );
  return (
    <p class="foot">
      {count} loaded{total !== null && ` of ${total.toLocaleString("en")}`}
      {reading.value ? "; reading on…" : "; more follow as you scroll."}
    </p>
  );
}
