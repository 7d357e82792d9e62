/** One group of failures: when, of which arguments, owners and processes, why; and what to do. */
import { Panel, Trouble } from "../parts/box";
import { Link, TaskLink } from "../parts/link";
import { At, Since } from "../parts/moments";
import { Charts } from "../overview/charts";
import { useHistory } from "../overview/history";
import type { FailureGroup, WholeTask } from "../state/answers";
import { NO_FILTER, type Filter } from "../state/filter";
import { failureType, range } from "../state/location";
import { mayNot } from "../state/me";
import { rangeQuery } from "../state/range";
import { ask, useAnswer, type Answer } from "../state/resource";
import { client } from "../state/server";
import { Traceback } from "../task/traceback";
import { askBulk } from "../tasks/bulk";
import { Facets } from "./facets";

const MOST = 5; // arguments by which the failures are told apart

export function GroupPage(props: { id: string; group: FailureGroup | null; answer: Answer<unknown> }) {
  const { id, group, answer } = props;
  return (
    <>
      <p class="back">
        <Link to={{ page: "failures", type: failureType.value }}>
          <span aria-hidden="true">←</span> All failures
        </Link>
      </p>
      {group ? <Known group={group} /> : <Unknown id={id} answer={answer} />}
    </>
  );
}

function Unknown({ id, answer }: { id: string; answer: Answer<unknown> }) {
  if (!answer.data) return <Trouble of={answer} what="this failure" />;
  return (
    <section class="state">
      <h1>No such failure in this time</h1>
      <p>Its tasks failed earlier, failed for another reason since, or were deleted.</p>
      {range.value !== "30d" && (
        <Link to={{ page: "failures", group: id, range: "30d" }}>Look at the last 30 days</Link>
      )}
      <p class="fine">
        <bdi>{id.slice(0, 200)}</bdi>
      </p>
    </section>
  );
}

/** Those that are still failed, of the failures that are shown. */
function stillFailed({ group }: FailureGroup): Filter {
  const { from, to } = rangeQuery(range.value);
  const ended = { from, to: typeof range.value === "string" ? "" : to };
  return { ...NO_FILTER, statuses: ["Failed"], error: group, ended };
}

function Known({ group }: { group: FailureGroup }) {
  const sample = useAnswer(group.sampleTask, () => ask<WholeTask>(`/api/tasks/${encodeURIComponent(group.sampleTask)}`));
  const type = group.types.length === 1 ? group.types[0]! : undefined;
  const history = useHistory(range.value, type ?? null);
  const paths = sample.data ? pathsOf(sample.data.arguments) : [];
  const facets = [...paths.map((path) => [`args.${path}`, path]), ["owner", "owner"], ["process", "process"]];
  return (
    <>
      <Head group={group} />
      <div class="facets">
        {facets.map(([by, name]) => (
          <Facets key={by} group={group} by={by!} name={name!} still={() => stillFailed(group)} />
        ))}
      </div>
      {mayNot("arguments") && <p class="fine">By which arguments they differ is not allowed here.</p>}
      <h2 class="of-charts">{type === undefined ? "All tasks" : <>All tasks of type <bdi>{type}</bdi></>}</h2>
      <Charts history={history} type={type} />
      <Newest task={group.sampleTask} />
    </>
  );
}

function Head({ group }: { group: FailureGroup }) {
  const still = group.stillFailed.toLocaleString("en");
  return (
    <header class="page-head">
      <div>
        <h1>
          <bdi>{group.errorType ?? "Error"}</bdi>
        </h1>
        <p class="error">
          <bdi>{group.sample.slice(0, 500)}</bdi>
        </p>
        <p class="fine">
          {group.frame && (
            <>
              at <bdi>{group.frame}</bdi>,{" "}
            </>
          )}
          <bdi>{group.types.join(", ")}</bdi>, since <At iso={group.firstAt} />, last <Since iso={group.lastAt} />
        </p>
      </div>
      <div class="actions">
        <p>
          <b>{still}</b> still failed, {group.retrying > 0 && `${group.retrying.toLocaleString("en")} retrying, `}
          {group.recovered.toLocaleString("en")} recovered
        </p>
        <button
          type="button"
          class="primary"
          disabled={!group.stillFailed}
          onClick={() => askBulk("retry", stillFailed(group))}
        >
          Retry these {still}
        </button>
        <Link to={{ page: "tasks", filter: stillFailed(group) }}>Show these tasks</Link>
      </div>
    </header>
  );
}

/** The paths of the arguments that are plain values. */
function pathsOf(given: unknown, above = ""): string[] {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return [];
  const entries = Object.entries(given).filter(([name]) => (above || name !== "id") && /^[\w-]+$/.test(name));
  const plain = entries.filter(([, value]) => value !== null && typeof value !== "object");
  const deeper = above ? [] : entries.flatMap(([name, value]) => pathsOf(value, `${name}.`));
  return [...plain.map(([name]) => above + name), ...deeper].slice(0, MOST);
}

function Newest({ task }: { task: string }) {
  const attempts = useAnswer(task, () => client.peek().api.attempts(task));
  const failed = attempts.data?.filter(({ error }) => error !== null).at(-1);
  return (
    <Panel id="newest" title="How it failed last" beside={<TaskLink to={task}>Its task</TaskLink>}>
      {failed?.traceback ? (
        <Traceback text={failed.traceback} label="Newest traceback" />
      ) : attempts.data ? (
        <p class="fine">Not allowed here, or none was kept.</p>
      ) : (
        <Trouble of={attempts} what="the traceback" />
      )}
    </Panel>
  );
}
