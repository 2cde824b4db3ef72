/** Benches that need hosts: several share one region. */
import { runCommand } from "../local/run/command";
import { explain } from "../local/terminal/explain";
import { benchFaults } from "./faults";
import { benchGrowth } from "./growth";
import { benchLaunch } from "./launch";
import { BenchRegion } from "./region";
import { goalTable, type Report, tell } from "./report";
import { ReplacedSystem } from "./replaced";
import { benchRequests } from "./requests";
import { benchScaling } from "./scaling";

/** In the order in which they run. */
const benches: Readonly<Record<string, (region: BenchRegion, replaced: ReplacedSystem) => Promise<Report>>> =
  {
    requests: benchRequests,
    growth: benchGrowth,
    scaling: benchScaling,
    launch: benchLaunch,
    faults: benchFaults,
  };

export const hostBenches = Object.keys(benches);

/** Runs some of the benches in a region, tells of each, and ends the process. One that fails does not keep the others from running. */
export function benchOnHosts(names: readonly string[]): void {
  runCommand("", () => ({
    help: false,
    isStrict: false,
    async run(circumstances) {
      const region = await BenchRegion.open(circumstances);
      const replaced = new ReplacedSystem(region);
      const reports: Report[] = [];
      const failures: string[] = [];
      for (const [name, bench] of Object.entries(benches)) {
        if (!names.includes(name)) continue;
        try {
          await region.resize(2);
          const report = await bench(region, replaced);
          tell(report);
          reports.push(report);
        } catch (error) {
          circumstances.interrupt.signal.throwIfAborted();
          failures.push(`${name}: ${explain(error)}`);
          region.say(`${name} failed: ${explain(error)}`);
        }
      }
      await replaced.stop();
      if (failures.length > 0) throw new Error(failures.join("\n"));
      return () => {
        if (reports.length > 1) console.log(`\n${goalTable(reports)}`);
      };
    },
  }));
}
