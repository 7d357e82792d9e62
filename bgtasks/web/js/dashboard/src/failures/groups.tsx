/** Groups of failures that are one, as a table. */
import { Link } from "../parts/link";
import { At, Since } from "../parts/moments";
import type { FailureGroup } from "../state/answers";

export function Groups(props: { items: readonly FailureGroup[]; isShort?: boolean; type?: string | null }) {
  const { items, isShort, type } = props;
  if (!items.length) return <p class="fine">No task failed.</p>;
  const isRetried = !isShort && items.some(({ retrying }) => retrying > 0);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Failures">
      <table class={isShort ? "short" : undefined}>
        <thead>
          <tr>
            <th>Failure</th>
            <th class="num">Still failed</th>
            {isRetried && <th class="num">Retrying</th>}
            {!isShort && <th class="num">Recovered</th>}
            <th>Since</th>
            <th>Last</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.group}>
              <td class="wide">
                <Link to={{ page: "failures", group: item.group, type }}>
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
              {isRetried && <td class="num">{item.retrying.toLocaleString("en")}</td>}
              {!isShort && <td class="num">{item.recovered.toLocaleString("en")}</td>}
              <td>
                <At iso={item.firstAt} />
              </td>
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
