/** Rules for alarms and for the topics that they tell. */
import { check, checkov, control, type Rule } from "../rule";
import { valueAt } from "../stack";
import { statementsOf } from "../statements";
import { types } from "../types";

export const observabilityRules: readonly Rule[] = [
  control("CloudWatch.15", {
    title: "CloudWatch alarms should have specified actions configured",
    severity: "high",
    types: [types.alarm],
    remedy: "Set alarmActions.",
    check: (alarm) => check(alarm, "alarmActions", (actions) => Array.isArray(actions) && actions.length > 0),
  }),
  control("CloudWatch.17", {
    title: "CloudWatch alarm actions should be activated",
    severity: "high",
    types: [types.alarm],
    remedy: "Leave actionsEnabled out, or set it to true.",
    check: (alarm) => check(alarm, "actionsEnabled", (enabled) => enabled !== false),
  }),
  {
    id: "CKV_AWS_26",
    title: "Topics are encrypted with a customer key",
    severity: "low",
    source: checkov,
    types: [types.topic],
    remedy: "Set kmsMasterKeyId.",
    check: (topic) => check(topic, "kmsMasterKeyId", (key) => key !== undefined),
  },
  control("SNS.4", {
    title: "SNS topic access policies should not allow public access",
    severity: "critical",
    types: [types.topicPolicy],
    remedy: "Name who may publish, and for which account.",
    check: (policy) =>
      statementsOf(policy, "policy").flatMap(({ Effect, Principal, Condition }, index) => {
        const isOpen = [Principal, valueAt(Principal, "AWS")].includes("*") && Condition === undefined;
        return Effect === "Allow" && isOpen
          ? [{ property: `policy.Statement.${index}`, found: "allows everybody" }]
          : [];
      }),
  }),
];
