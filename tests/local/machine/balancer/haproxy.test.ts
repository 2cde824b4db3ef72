import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseStatistics, renderBalancer } from "../../../../local/machine/balancer/haproxy";

describe("the balancer", () => {
  it("the balancer has the program's health check and time-outs", () => {
    const config = renderBalancer(
      { name: "web-80", address: "127.0.10.1", port: 80, namespace: "doe2-alb1", idleTimeout: 60 },
      {
        port: 8000,
        deregistrationDelay: 30,
        healthCheck: {
          path: "/livez",
          port: 8001,
          matcher: "200-204",
          interval: 10,
          timeout: 5,
          healthyThreshold: 3,
          unhealthyThreshold: 2,
        },
      },
      "/run/admin.sock",
    );
    for (const line of [
      "  bind 127.0.10.1:80",
      "  http-check expect status 200-204",
      "  timeout check 5s",
      "  timeout client 60s",
      "  default-server inter 10s fall 2 rise 3",
    ])
      assert.ok(config.split("\n").includes(line), line);
    assert.match(config, /http-check send meth GET uri \/livez /);
    const servers = config.split("\n").filter((line) => line.startsWith("  server "));
    assert.equal(servers.length, 64);
    for (const server of servers)
      assert.match(
        server,
        /^ {2}server target\d+ 0\.0\.0\.0:8000 port 8001 check disabled namespace doe2-alb1$/,
      );
  });

  it("HAProxy's statistics are read by column name", () => {
    const rows = parseStatistics(
      [
        "# pxname,svname,scur,status,check_status,check_code,req_tot",
        "targets,target1,3,UP,L7OK,200,7",
        "targets,target2,0,DOWN 1/2,L7STS,503,",
        "targets,target3,0,DOWN,L4TOUT,,",
      ].join("\n"),
    );
    const first = { status: "UP", check: "L7OK", code: "200", sessions: 3 };
    assert.deepEqual(rows.get("target1"), first);
    const second = { status: "DOWN 1/2", check: "L7STS", code: "503", sessions: 0 };
    assert.deepEqual(rows.get("target2"), second);
    const third = { status: "DOWN", check: "L4TOUT", code: "", sessions: 0 };
    assert.deepEqual(rows.get("target3"), third);
  });
});
