import { Component, h, type ComponentType } from "preact";

/** A component that is drawn anew only when one of its values is another; functions don't count. */
export function memo<P extends object>(inner: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const old = this.props as Record<string, unknown>;
      return Object.entries(next).some(
        ([name, value]) => typeof value !== "function" && value !== old[name],
      );
    }
    override render(props: P) {
      return h(inner, props);
    }
  };
}
