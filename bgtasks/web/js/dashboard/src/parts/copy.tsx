/** A button that puts a text on the clipboard. */
import { announce } from "./announce";

export function Copy({ text, what }: { text: () => string; what: string }) {
  return (
    <button
      type="button"
      class="quiet small"
      onClick={() =>
        void navigator.clipboard?.writeText(text()).then(
          () => announce(`${what} copied.`),
          () => announce("The browser did not allow that."),
        )
      }
    >
      Copy<span class="visually-hidden"> {what}</span>
    </button>
  );
}
