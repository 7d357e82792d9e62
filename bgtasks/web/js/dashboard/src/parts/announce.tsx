/** What came of an action: said once, shown for a while. */
import { signal } from "@preact/signals";

const text = signal("");
let timer: number | undefined;

export function announce(words: string): void {
  text.value = words;
  clearTimeout(timer);
  timer = window.setTimeout(() => (text.value = ""), 8000);
}

export function Announcement() {
  return (
    <div class="announcement" role="status" data-shown={text.value !== ""}>
      {text.value && <p>{text.value}</p>}
    </div>
  );
}
