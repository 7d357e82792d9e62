/** The tabs above the list, with exact counts: each is a part of the filter. */
import type { TaskStatus } from "bgtasks-client/protocol";
import { StatusIcon } from "../parts/badge";
import { Count } from "../parts/box";
import { Link } from "../parts/link";
import type { Filter, View } from "../state/filter";
import { filter } from "../state/location";
import { totalOf, type Counts } from "./counts";

interface Tab {
  word: string;
  statuses: readonly TaskStatus[];
  view: View | null;
}

const TABS: readonly Tab[] = [
  { word: "All", statuses: [], view: null },
  { word: "Running", statuses: ["Running"], view: null },
  { word: "Waiting", statuses: [], view: "waiting" },
  { word: "Scheduled", statuses: [], view: "scheduled" },
  { word: "Retrying", statuses: [], view: "retrying" },
  { word: "Failed", statuses: ["Failed"], view: null },
  { word: "Cancelled", statuses: ["Cancelled"], view: null },
  { word: "Completed", statuses: ["Completed"], view: null },
];

export function Tabs({ counts }: { counts: Counts | null }) {
  const so = filter.value;
  return (
    <nav class="tabs" aria-label="Tasks by state">
      {TABS.map((tab) => (
        <OneTab key={tab.word} tab={tab} so={so} counts={counts} />
      ))}
    </nav>
  );
}

function OneTab({ tab, so, counts }: { tab: Tab; so: Filter; counts: Counts | null }) {
  const { word, statuses, view } = tab;
  const isCurrent = so.view === view && String(so.statuses) === String(statuses);
  const to = { ...so, statuses, view };
  const count = counts && totalOf(to, counts);
  const tone = statuses[0] ?? (view ? "Pending" : "");
  return (
    <Link to={{ page: "tasks", filter: to }} current={isCurrent} class={`tab ${tone} ${word}`}>
      {tone && <StatusIcon status={(tone || "Pending") as TaskStatus} />}
      <span class="word">{word}</span> <span class="count">
        <Count value={count} />
      </span>
    </Link>
  );
}
