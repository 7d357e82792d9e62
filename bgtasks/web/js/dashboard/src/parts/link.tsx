import type { ComponentChildren } from "preact";
import { addressOf, go, type Place } from "../state/location";

/** A link to a place in the dashboard, which the page follows itself unless a new tab is meant. */
export function Link(props: {
  to: Place;
  children: ComponentChildren;
  class?: string;
  tabIndex?: number;
  title?: string;
  current?: boolean;
  onOpen?: () => void;
}) {
  return (
    <a
      class={props.class}
      tabIndex={props.tabIndex}
      title={props.title}
      aria-current={props.current ? "page" : undefined}
      href={addressOf(props.to)}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
        event.preventDefault();
        if (props.onOpen) props.onOpen();
        else go(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

/** A link to the page of a task. */
export function TaskLink(props: {
  to: string;
  children: ComponentChildren;
  class?: string;
  tabIndex?: number;
  onOpen?: () => void;
}) {
  const { to, ...rest } = props;
  return <Link to={{ page: "tasks", task: to }} {...rest} />;
}
