//! Entry point: loads the configuration, runs the command, and maps the result to an exit code.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use platform_core::probe::Problem;
use platform_exporter::capacity::Estimate;
use platform_exporter::cli::{CheckFormat, Cli, Command, Flags};
use platform_exporter::command::{self, BundleTarget, CheckDepth, LoadError, Loaded, print};
use platform_exporter::pack;
use platform_exporter::server::Gate;
use platform_exporter::snapshot::Status;
use platform_exporter::telemetry;
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of `probe` for a degraded source; 2 is that of a usage error.
const DEGRADED: u8 = 3;

/// The exit code of `status` if there is no status.
const UNREACHABLE: u8 = 2;

/// A DNS lookup cannot be cancelled; shutdown waits for it no longer than this.
const LOOKUPS_END: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One TLS provider for all drivers. It only fails if one is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            match error.downcast_ref::<LoadError>() {
                // Each line begins with its place, for editors.
                Some(error) if error.has_places() => eprintln!("{error}"),
                _ => eprintln!("platform_exporter: {error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let flags = &cli.flags;
    match cli.command {
        None => {
            let (loaded, gate) = command::load_all(flags, CheckDepth::Configuration)?;
            let _log = telemetry::init(flags.log_level, flags.log_format).context("cannot start logging")?;
            telemetry::report_panics();
            serve(flags, loaded, gate)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Init(own)) => {
            let report = on_this_thread(command::init(flags, &own))??;
            print(&report)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Check { live, syntax_only, format }) => {
            let depth = if syntax_only { CheckDepth::Bundle } else { CheckDepth::Files };
            let loaded = command::load_all(flags, depth);
            if let CheckFormat::Findings(format) = format {
                let findings = loaded.as_ref().map(|(loaded, _)| &loaded.config);
                print(&command::findings(findings, format))?;
                return Ok(if loaded.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
            let (loaded, _) = loaded?;
            let Loaded { origin, config, .. } = &loaded;
            let counts = [
                (config.sources().len(), "source", "sources"),
                (config.modules().len(), "module", "modules"),
                (config.queries().len(), "query", "queries"),
            ];
            let counts = counts.into_iter().filter(|(number, ..)| *number > 0);
            let counts = counts.map(|(number, one, several)| {
                format!("{number} {}", if number == 1 { one } else { several })
            });
            print(&format!("{origin}: {}, no errors\n", counts.collect::<Vec<_>>().join(", ")))?;
            for (file, note) in config.files().notes() {
                print(&format!("note: {file}:{note}\n"))?;
            }
            print(&format!("estimate: {}\n", Estimate::of(config)))?;
            if let Some(path) = &flags.web_config_file {
                print(&format!("{}: no errors\n", path.display()))?;
            }
            if !live {
                return Ok(ExitCode::SUCCESS);
            }
            let report = on_this_thread(command::check(flags, &loaded))?;
            print(&report.text)?;
            Ok(if report.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(Command::Probe { name, target, format }) => {
            let loaded = command::load(flags)?;
            let probe = command::probe(flags, &loaded, &name, target.as_ref(), format);
            let probed = on_this_thread(probe)??;
            print(&probed.text)?;
            for problem in &probed.problems {
                eprintln!("{name}: {problem}{}", remedy(problem, ""));
            }
            Ok(match probed.status {
                Status::Up => ExitCode::SUCCESS,
                Status::Degraded => DEGRADED.into(),
                Status::Down | Status::Unknown => ExitCode::FAILURE,
            })
        }
        Some(Command::Query { name, format }) => {
            let loaded = command::load(flags)?;
            let queried = on_this_thread(command::query(flags, &loaded, &name, format))??;
            print(&queried.text)?;
            for problem in &queried.problems {
                eprintln!("{name}: {problem}{}", remedy(problem, &queried.target));
            }
            Ok(if queried.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(Command::Healthcheck) => {
            let local = command::local(flags);
            for address in local.listen() {
                command::healthcheck(*address, &local.address().prefix)
                    .with_context(|| format!("{address} is not healthy"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Status(own)) => match on_this_thread(command::status(flags, &own))? {
            Ok(status) => {
                print(&status.text)?;
                Ok(if status.is_all_up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Err(error) => {
                eprintln!("platform_exporter: {error}");
                Ok(UNREACHABLE.into())
            }
        },
        Some(Command::Catalog { format }) => {
            let loaded = flags.config_file.is_some().then(|| command::load(flags)).transpose()?;
            print(&command::catalog(loaded.as_ref().map(|loaded| &loaded.config), format))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Schema { of }) => {
            print(&command::schema(of))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Pack { name: None }) => {
            print(&command::packs())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Pack { name: Some(name) }) => {
            let text = pack::embedded(&name)
                .with_context(|| format!("there is no pack `{name}`: `platform_exporter pack` lists them"))?;
            print(text)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Bundle(bundle)) => {
            let loaded = flags.config_file.is_some().then(|| command::load(flags)).transpose()?;
            let config = loaded.as_ref().map(|loaded| &loaded.config);
            let target = BundleTarget { config, exporter: flags.external_url.as_ref(), flags: &bundle };
            let write = if bundle.check { command::bundle_differences } else { command::bundle };
            let paths = write(target)?;
            let lines = paths.iter().map(|path| format!("{}\n", path.display()));
            print(&lines.collect::<String>())?;
            Ok(if bundle.check && !paths.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "platform_exporter", &mut script);
            print(&String::from_utf8(script)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Man { directory }) => {
            std::fs::create_dir_all(&directory)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), &directory))
                .with_context(|| format!("cannot write manual pages to {}", directory.display()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What fixes a problem, on a line of its own.
fn remedy(problem: &Problem, target: &str) -> String {
    problem.statements().map(|statement| format!("\n  {}", command::remedy(statement, target))).collect()
}

/// Sources have a thread of their own, so that scrapes do not wait for them.
fn serve(flags: &Flags, loaded: Loaded, gate: Gate) -> anyhow::Result<()> {
    on_runtime(Builder::new_multi_thread().worker_threads(1).thread_name("sources"), |sources| {
        on_this_thread(command::serve(flags, loaded, gate, sources.handle().clone()))
    })??
    .map_err(Into::into)
}

fn on_this_thread<F: Future>(work: F) -> anyhow::Result<F::Output> {
    on_runtime(&mut Builder::new_current_thread(), |runtime| runtime.block_on(work))
}

fn on_runtime<T>(threads: &mut Builder, run: impl FnOnce(&Runtime) -> T) -> anyhow::Result<T> {
    let runtime =
        threads.max_blocking_threads(32).enable_all().build().context("cannot start the runtime")?;
    let result = run(&runtime);
    runtime.shutdown_timeout(LOOKUPS_END);
    Ok(result)
}
