/** The page of alarms: what a stack watches, from its own resources. */
import { text } from "../local/engine/properties";
import { type Graph, ofType } from "../local/engine/recorder";
import { table } from "./markdown";

/** The alarms of a stack, by region, with what they say. */
export function alarmTable(graph: Graph): string {
  return table(
    ["alarm", "region", "what is wrong", "what to do first"],
    ...ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ name, region, inputs }) => {
      const [meaning = "", firstStep = ""] = text(inputs, "alarmDescription").split(" First: ");
      return [`\`${name}\``, region, meaning, firstStep];
    }),
  );
}
