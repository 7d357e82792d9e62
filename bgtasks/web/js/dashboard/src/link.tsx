import type { ComponentChildren } from "preact";
import { addressOf, open } from "./location";

/** A link to a task's page or the list, which the page follows itself unless a new tab is meant. */
export function TaskLink(props: {
  to: string | null;
  children: ComponentChildren;
  class?: string;
  tabIndex?: number;
  onOpen?: () => void;
}) {
  return (
    <a
      class={props.class}
      tabIndex={props.tabIndex}
      href={addressOf(props.to)}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
        event.preventDefault();
        if (props.onOpen) props.onOpen();
        else open(props.to);
      }}
    >
      {props.children}
    </a>
  );
}
