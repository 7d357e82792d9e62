/** Groups of failures that are one, as a table. */
import { Link } from "../parts/link";
import { Since } from "../parts/moments";
import type { FailureGroup } from "../state/answers";

export function Groups({ items, isShort }: { items: readonly FailureGroup[]; isShort?: boolean }) {
  if (!items.length) return <p class="fine">No task failed.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Failures">
      <table>
        <thead>
          <tr>
            <th>Failure</th>
            <th class="num">Still failed</th>
            {!isShort && <th class="num">Recovered</th>}
            {!isShort && <th>First</th>}
            <th>Last</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.group}>
              <td class="wide">
                <Link to={{ page: "failures", group: item.group }}>
                  <b>
                    <bdi>{item.errorType ?? "Error"}</bdi>
                  </b>{" "}
                  <bdi>{item.sample.slice(0, 200)}</bdi>
                </Link>
                <span class="fine under">
                  <bdi>{item.types.slice(0, 3).join(", ")}</bdi>
                  {item.frame && (
                    <>
                      {" "}
                      at <bdi>{item.frame.slice(0, 200)}</bdi>
                    </>
                  )}
                </span>
              </td>
              <td class="num">
                <b>{item.stillFailed.toLocaleString("en")}</b>
              </td>
              {!isShort && <td class="num">{item.recovered.toLocaleString("en")}</td>}
              {!isShort && (
                <td>
                  <Since iso={item.firstAt} />
                </td>
              )}
              <td>
                <Since iso={item.lastAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
