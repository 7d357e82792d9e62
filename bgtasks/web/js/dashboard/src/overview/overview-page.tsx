/** Is something wrong, since when, and where: without a click. */
import { useMemo } from "preact/hooks";
import { Panel, Trouble } from "../parts/box";
import type { FailureGroup, Items, TypeRow } from "../state/answers";
import { Groups } from "../failures/groups";
import { range } from "../state/location";
import { rangeQuery } from "../state/range";
import { ask, useAnswer } from "../state/resource";
import { TypeTable } from "../types/type-table";
import { AttentionList } from "./attention";
import { Charts } from "./charts";
import { useHistory } from "./history";
import { Numbers } from "./numbers";
import { useStats } from "./stats";

const TOP = 5;

export function OverviewPage() {
  const stats = useStats();
  const isAnswered = stats.data !== null || stats.trouble !== null;
  const history = useHistory(isAnswered ? range.value : null);
  const spanned = isAnswered ? JSON.stringify(range.value) : null;
  const failures = useAnswer(spanned, () =>
    ask<Items<FailureGroup>>("/api/failures", Object.entries(rangeQuery(range.peek()))),
  );
  const types = useAnswer(isAnswered ? "types" : null, () => ask<Items<TypeRow>>("/api/types"));
  const busiest = useMemo(() => topTypes(types.data?.items ?? []), [types.data]);
  return (
    <>
      <h1 class="visually-hidden">Overview</h1>
      <AttentionList stats={stats} />
      <Numbers stats={stats} history={history.data} />
      <Charts history={history} />
      <div class="pair">
        <Panel id="top-types" title="Busiest types">
          {types.data ? <TypeTable items={busiest} isShort /> : <Trouble of={types} what="the types" />}
        </Panel>
        <Panel id="top-failures" title="Failures in the range">
          {failures.data ? (
            <Groups items={failures.data.items.slice(0, TOP)} isShort />
          ) : (
            <Trouble of={failures} what="failures" />
          )}
        </Panel>
      </div>
    </>
  );
}

function topTypes(items: readonly TypeRow[]): TypeRow[] {
  const weight = (type: TypeRow) =>
    (type.perMinute ?? 0) + type.running + type.waiting + 1000 * (type.failureRate ?? 0);
  return [...items].sort((a, b) => weight(b) - weight(a)).slice(0, TOP);
}
