import { startApiFront } from "../api/apiFront";
import { awsClients } from "../api/clients";
import type { AwsClients } from "../api/clients";
import { motoPython, startMoto } from "../api/moto";
import type { Handlers, Invokes } from "../engine/handler";
import { ensureBaseImage } from "../machine/host/baseImage";
import { prepareNspawnFolder } from "../machine/host/nspawn";
import { spawnService } from "../machine/service";
import type { StateDirectory } from "../machine/state";
import { together } from "../machine/together";
import type { RegionStatus } from "../terminal/status";
import { Undo } from "../machine/undo";
import { accountInvokes } from "./account";
import { autoScalingHandlers } from "./autoScaling";
import { computeHandlers, computeInvokes } from "./compute";
import { dnsHandlers } from "./dns";
import type { HostFailure } from "./instances";
import { Inventory } from "./inventory";
import { lambdaHandlers } from "./lambda";
import { loadBalancingHandlers } from "./loadBalancing";
import { networkHandlers } from "./network";
import { randomHandlers } from "./random";
import { recordedHandlers, shownOnly } from "./recorded";
import { secretHandlers } from "./secrets";
import { regionStatus } from "./status";
import { storageHandlers } from "./storage";

/** What a region is made from; it stays in the user's cache. */
export interface RegionParts {
  /** Folder of the Debian tree that hosts start from. */
  readonly baseImage: string;
  /** The Python that runs moto. */
  readonly python: string;
}

/** Shows a step that may take its time while it is under way. */
export type ShowStep = <T>(
  name: string,
  action: (step: { update(detail: string): void }) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

/** What a region is started with. */
export interface RegionOptions extends RegionParts {
  readonly state: StateDirectory;
  /** `node_modules` of the project: it holds the AWS SDK that functions find in Lambda's runtime. */
  readonly nodeModules: string;
  /** Told of what goes wrong while nobody waits for it, such as a host that could not be replaced. */
  readonly onFault: (error: Error) => void;
  /** Told when the region cannot go on. */
  readonly onBreakdown: (error: Error) => void;
  /** How long a minute of alarms and of warm-up lasts, in milliseconds. */
  readonly minute: number;
  /** Ends the start, and functions that run. */
  readonly signal?: AbortSignal;
}

/** The local region: what stands for AWS on this machine, and makes the program's resources. */
export interface Region {
  readonly handlers: Handlers;
  readonly invokes: Invokes;
  /** Types whose handlers only record. */
  readonly recorded: readonly string[];
  /** Types that the API shows, but that have no effect. */
  readonly shownOnly: readonly string[];
  /** The AWS API, for `AWS_ENDPOINT_URL` on this machine. */
  readonly apiEndpoint: string;
  readonly clients: AwsClients;
  /** How it is doing now. */
  status(): RegionStatus;
  /** Hosts whose user data failed or that ended by themselves. */
  failedHosts(): HostFailure[];
  /** Lets nothing begin any more, waits for what was begun, ends the hosts that are left and the region's services. */
  close(): Promise<void>;
}

/** Builds what of a region's parts the cache does not hold yet, side by side. */
export async function prepareRegion(show: ShowStep, signal: AbortSignal): Promise<RegionParts> {
  const [baseImage, python] = await together(
    signal,
    (either) => show("base image", (step) => ensureBaseImage((what) => step.update(what), either), either),
    (either) =>
      show("moto", (step) => motoPython({ signal: either, report: (what) => step.update(what) }), either),
  );
  return { baseImage, python };
}

/** Starts the region's services. When that fails nothing of it is left. */
export async function startRegion(options: RegionOptions): Promise<Region> {
  const undo = new Undo();
  return undo.ifFails(() => start(options, undo));
}

async function start(options: RegionOptions, undo: Undo): Promise<Region> {
  const { state, baseImage, nodeModules, onFault, signal, minute } = options;
  await prepareNspawnFolder();
  const moto = await startMoto(
    options.python,
    (name, command, args, settings) => spawnService(state, name, command, args, settings),
    signal,
  );
  let isWanted = true;
  undo.add(() => {
    isWanted = false;
    return moto.service.stop();
  });
  void moto.service.ended.then((reason) => {
    if (isWanted)
      options.onBreakdown(new Error(`moto ended by itself (${reason}):\n${moto.service.output()}`));
  });
  const front = await startApiFront(moto.port);
  undo.add(() => front.close());
  const clients = awsClients(front.endpoint);
  undo.add(() => clients.destroy());
  const inventory = await Inventory.open({ state, clients, apiPort: front.port, baseImage, onFault, minute });
  undo.add(() => inventory.close());
  front.attach({ hosts: inventory.instances, targetHealth: inventory, scaling: inventory });
  const recorded = recordedHandlers();
  const active: Handlers = {
    ...randomHandlers(),
    ...secretHandlers(clients),
    ...storageHandlers(clients),
    ...lambdaHandlers({
      folder: state.folder("functions"),
      endpoint: front.endpoint,
      nodeModules,
      signal,
    }),
    ...networkHandlers(inventory),
    ...dnsHandlers(inventory),
    ...computeHandlers(inventory),
    ...loadBalancingHandlers(inventory),
    ...autoScalingHandlers(inventory),
  };
  return {
    handlers: { ...recorded, ...active },
    invokes: { ...accountInvokes(), ...computeInvokes(inventory) },
    recorded: Object.keys(recorded).filter((type) => !(type in active)),
    shownOnly,
    apiEndpoint: front.endpoint,
    clients,
    status: () => regionStatus(inventory),
    failedHosts: () => inventory.instances.failures(),
    close: () => undo.run(),
  };
}
