/** The text of a Python traceback, taken apart: which lines are of the host's own code. */

export interface Frame {
  path: string;
  line: string;
  name: string;
  text: string; // the whole text of the frame
  isOwn: boolean;
}

/** Frames of libraries in a row are one part; so is whatever is no frame. */
export type Part =
  | { kind: "own"; frame: Frame }
  | { kind: "library"; frames: Frame[] }
  | { kind: "text"; text: string };

const FRAME = /^\s+(?:[|+]\s+)?File "([^"]*)", line (\d+)(?:, in (.*))?$/;
const LIBRARY = /[\\/](site-packages|dist-packages|lib[\\/]python3[^\\/]*|bgtasks)[\\/]|^<|[\\/]python3\.\d+[\\/]/;

export function partsOf(traceback: string): Part[] {
  const parts: Part[] = [];
  const add = (frame: Frame) => {
    const last = parts.at(-1);
    if (frame.isOwn) parts.push({ kind: "own", frame });
    else if (last?.kind === "library") last.frames.push(frame);
    else parts.push({ kind: "library", frames: [frame] });
  };
  const lines = traceback.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const found = FRAME.exec(line);
    if (!found) {
      const last = parts.at(-1);
      if (last?.kind === "text") last.text += `\n${line}`;
      else if (line || last) parts.push({ kind: "text", text: line });
      continue;
    }
    const [, path = "", number = "", name = ""] = found;
    let text = line;
    // What belongs to a frame is indented further than it is.
    while (index + 1 < lines.length && /^(?:\s{4,}|\s+[|]\s{4,})\S/.test(lines[index + 1]!) && !FRAME.test(lines[index + 1]!))
      text += `\n${lines[++index]}`;
    add({ path, line: number, name, text, isOwn: !LIBRARY.test(path) });
  }
  return parts;
}

/** Where the host's own code was when it failed. */
export function lastOwn(parts: readonly Part[]): Frame | null {
  for (const part of [...parts].reverse()) if (part.kind === "own") return part.frame;
  return null;
}
