// Of uPlot what the charts use; htmx is told what to do by attributes.

declare class uPlot {
  constructor(options: uPlot.Options, data: (number | null)[][], root: HTMLElement);
  static paths: { stepped(options: { align: 1 | -1 }): uPlot.Paths };
  static tzDate(date: Date, zone: string): Date;
  readonly root: HTMLElement;
  readonly ctx: CanvasRenderingContext2D;
  readonly bbox: { left: number; top: number; width: number; height: number };
  valToPos(value: number, scale: string, canvasPixels?: boolean): number;
}

declare namespace uPlot {
  type Paths = (u: uPlot, series: number, from: number, to: number) => unknown;
  type Range = [number, number] | ((u: uPlot, low: number, high: number) => [number, number]);
  interface Axis {
    label?: string;
    values?: (u: uPlot, values: (number | null)[]) => (string | null)[];
    labelSize?: number;
    labelFont?: string;
    font?: string;
    size?: number;
    space?: number;
    stroke?: string;
    grid?: { stroke: string; width: number };
    ticks?: { stroke: string; width: number };
  }
  interface Series {
    label?: string;
    stroke?: string;
    width?: number;
    paths?: Paths;
    points?: { show: boolean };
    value?: string | ((u: uPlot, value: number | null) => string);
  }
  interface Options {
    width: number;
    height: number;
    scales: Record<string, { time?: boolean; distr?: 1 | 3; range?: Range }>;
    series: Series[];
    axes: Axis[];
    legend?: { show: boolean };
    cursor?: { show: boolean };
    tzDate?: (stamp: number) => Date;
    hooks?: Record<string, ((u: uPlot) => void)[]>;
  }
}
