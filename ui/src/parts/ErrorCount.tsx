import { formatShort } from "../time/number";
import { Icon } from "./Icon";

export function ErrorCount({ count }: { count: number }) {
  return (
    <span className="error-count">
      <Icon name="error" size={10} />
      {formatShort(count)}
    </span>
  );
}
