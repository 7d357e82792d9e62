/** What stands where an answer of the server is, is not yet, or is not for this user. */
import type { ComponentChildren } from "preact";
import type { Answer } from "../state/resource";
import { clockTime, stoppedAt } from "../state/time";

export function Panel(props: {
  title: string;
  id: string;
  children: ComponentChildren;
  beside?: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={props.id}>
      <div class="panel-head">
        <h2 id={props.id}>{props.title}</h2>
        {props.beside}
      </div>
      {props.children}
    </section>
  );
}

/** Why there is no answer; nothing while it is only awaited. */
export function Trouble({ of, what }: { of: Answer<unknown>; what: string }) {
  const { trouble, data, at } = of;
  if (!trouble) return data === null ? <p class="fine waiting">Asking…</p> : null;
  if (trouble.kind === "refused")
    return (
      <p class="unknown-box" title={trouble.text}>
        <b>Not allowed here:</b> {what}. The policy of the application decides.
      </p>
    );
  if (trouble.kind === "missing")
    return (
      <p class="unknown-box">
        <b>Not known:</b> this server does not say {what}.
      </p>
    );
  if (data !== null)
    return (
      <p class="fine" role="status">
        As of {clockTime(stoppedAt.value ?? at)}: {trouble.text}.
      </p>
    );
  return (
    <p class="unknown-box" role="status">
      <b>Not known:</b> {what}. {trouble.text}.
    </p>
  );
}

/** A number, or a hatched box where it is not known. */
export function Count({ value }: { value: number | null | undefined }) {
  if (value === null || value === undefined)
    return (
      <span class="unknown-number">
        <span class="visually-hidden">not known</span>
      </span>
    );
  return <>{value.toLocaleString("en")}</>;
}
