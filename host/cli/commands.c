#include "autotune/worker.h"
#include "cli/commands.h"
#include "cli/complete.h"
#include "device/ahead.h"

static const char train_text[] =
    "Without any option it trains dcgan (preset standard) on the built-in pictures until it is "
    "stopped (Ctrl-C: the step is finished and saved; twice: at once). Everything lies in a "
    "run folder, by default runs/NNNNN-system-preset-data: options.json, log.jsonl, reals.png, "
    "samples/, checkpoints/, and report.html, a page that shows it all. `ganocl train "
    "--resume` goes on where the newest run stands, byte for byte as if it had never stopped.";

static const char sample_text[] =
    "RUN is a run folder (its newest checkpoint, or --checkpoint) or a checkpoint file. Each "
    "picture is a function of its seed, whatever is made beside it: with --seeds one for each, "
    "else --count of them from --seed on. --out FILE.png is a sheet (or a single picture), "
    "FILE.webp an animation, anything else a folder with a file for each seed (seed00012.png). "
    "Without --out a sheet is written into the run folder.";

static const char translate_text[] =
    "Every picture of the folder --in (or of any other data set of pictures) goes through the "
    "generator of RUN and into the folder --out under its own name, as PNG. It is cut to a "
    "square and resized as in training (--set data.crop=...). Of pairs (folders A/ and B/, or "
    "A|B pictures) it is A.";

static const char reconstruct_text[] =
    "Writes a sheet of pairs, a picture and what the model makes of it through its latents.";

static const char classify_text[] =
    "What a classifier takes each picture for. Where the data set has classes (a folder of "
    "folders, MNIST, CIFAR-10) it also says how often it is right: first, and among the first "
    "five.";

static const char evaluate_text[] =
    "Scores as JSON. A model that reconstructs: the negative ELBO and the importance-weighted "
    "bound (--iw K) in nats and bits/dim. One that translates: L1, PSNR, SSIM, GMSD on [0,1], "
    "beside those of the source as it is; --out FILE.csv has them by picture. A classifier: "
    "top-1, top-5, cross-entropy. One that generates: the sliced Wasserstein distance to the "
    "data by level of the Laplacian pyramid. --set data.split=test takes the held-out part.";

static const char forward_text[] =
    "Runs one network once on tensors in PyTorch layout, to check it against another "
    "framework, with running statistics and no dropout unless --train-mode is given. The "
    "output tensor is \"out\"; where a network has several inputs or outputs, the files' "
    "tensors have their names.";

static const char bench_text[] =
    "A step of each model is timed as a whole, then launch by launch. With --layers each line "
    "of standard input is a layer, as the JSON object {\"kind\": \"conv\", \"input\": "
    "[N,H,W,C], \"filter\": [R,S,C,K], \"stride\": 1, \"pad\": 0, \"direction\": \"forward\", "
    "\"runs\": 1}; kind may be transposed ([R,S,K,C], \"out_pad\": rows and columns more) or "
    "depthwise ([R,S,1,C]), direction data or weight: the gradients. The answer is a line of "
    "JSON: ms by the clock and cpu_ms of all cores for each of the runs, which follow one that "
    "is not timed.";

static const char export_text[] =
    "The trained model as ONNX, for any other runtime, or its weights as safetensors in "
    "PyTorch's layout: what `sample`, `translate` or `classify` uses (averaged weights, "
    "readjusted statistics), or the pass --network. Into a folder with a README.md, the "
    "settings and a picture (default: RUN/onnx or RUN/safetensors), or into one file where "
    "--out ends in .onnx or .safetensors. docs/export.md tells inputs and outputs.";

static const char autotune_text[] =
    "Looks for faster kernels for each model's training step (the default one if none is "
    "named): other variants, other tile sizes. Each is checked and timed on the step's own "
    "shapes in a process of its own, and replaces the usual one only if it wins by a margin. "
    "What is found is kept beside the program cache and used from then on (--set "
    "plan.tuning=off: not). Tuning that was stopped goes on where it was.";

static const char selftest_text[] =
    "Every operation in every variant against double precision, then the recorded runs that "
    "came with the program. With FOLDER only the recorded runs in it (or it itself): "
    "meta.json, weights, replay, forward, grads, final .safetensors, losses.jsonl, "
    "tolerance.json.";

static const char report_text[] =
    "One file that needs nothing else: curves of the losses, pictures over time, settings, "
    "device, what to do next. Training writes it too, with its samples and at its end. RUN is "
    "a run folder or a checkpoint in one; where RUN/scores.json holds what `ganocl evaluate` "
    "printed, the page shows it.";

static const char dataset_text[] =
    "info PATH: what is there, and as what it can be used. check PATH: decodes every picture, "
    "lists the bad, the tiny, the odd-sized and the duplicate ones (exit status 1 if any is "
    "bad), and says what training would use, crop, enlarge (--size N) or skip. convert --in "
    "PATH --out FILE: packs any data set to one file, which --data takes: the pictures' own "
    "files as they are, or with --size N pixels cut and resized to N x N now (data.crop, "
    "data.box), so that reading costs next to nothing; unreadable pictures are left out. pair "
    "--in PATH --out DIR: writes an A|B picture for each picture: B is the picture, cut to a "
    "square (data.crop, data.box), A its edges, its grey or a blurred copy.";

static const char completion_text[] =
    "Prints a script for the shell: bash: source <(ganocl completion bash); zsh: the same, "
    "behind compinit; fish: ganocl completion fish | source. `make install` puts them where "
    "the shells look. Commands, options, models, settings with their words, and paths are "
    "completed.";

const gcl_command gcl_commands[] = {
    {"devices", "", 0, 0, "the numbered list of OpenCL devices", NULL, gcl_command_devices, NULL},
    {"train", "", 0, 0, "trains a model on pictures", train_text, gcl_command_train,
     gcl_help_training},
    {"sample", "RUN", 1, 1, "makes pictures with a trained generator", sample_text,
     gcl_command_sample, NULL},
    {"translate", "RUN", 1, 1, "pictures from pictures with a trained model", translate_text,
     gcl_command_translate, NULL},
    {"reconstruct", "RUN", 1, 1, "pictures through a trained model and back", reconstruct_text,
     gcl_command_reconstruct, NULL},
    {"classify", "RUN", 1, 1, "what a trained classifier takes pictures for", classify_text,
     gcl_command_classify, NULL},
    {"evaluate", "RUN", 1, 1, "scores of a trained model on a data set", evaluate_text,
     gcl_command_evaluate, NULL},
    {"forward", "MODEL", 1, 1, "runs one network once on given tensors", forward_text,
     gcl_command_forward, gcl_help_models},
    {"export", "RUN", 1, 1, "a trained model for other programs: ONNX or safetensors", export_text,
     gcl_command_export, NULL},
    {"describe", "MODEL", 1, 1, "layers, parameters, cost and memory of a model", NULL,
     gcl_command_describe, gcl_help_models},
    {"bench", "[MODEL...]", 0, -1, "times training steps, launch by launch", bench_text,
     gcl_command_bench, gcl_help_models},
    {"autotune", "[MODEL...]", 0, -1, "finds the fastest kernels for models on the device",
     autotune_text, gcl_command_autotune, gcl_help_models},
    {GCL_WORKER_WORD, "", 0, 0, NULL, NULL, gcl_command_tuning_worker, NULL},
    {GCL_COMPLETE_WORD, "", 0, -1, NULL, NULL, gcl_command_complete, NULL},
    {"kernel-list", "FILE FAMILY...", 2, -1, NULL, NULL, gcl_command_kernel_list, NULL},
    {GCL_AHEAD_WORD, "", 3, 3, NULL, NULL, gcl_command_compile_ahead, NULL},
    {"report", "RUN", 1, 1, "writes the page RUN/report.html: what a run has done so far",
     report_text, gcl_command_report, NULL},
    {"dataset", "info|check|convert|pair [PATH]", 1, 2,
     "facts of a data set, its soundness, one file of it, pairs of it", dataset_text,
     gcl_command_dataset, NULL},
    {"selftest", "[FOLDER...]", 0, -1, "checks every kernel and the models on the device",
     selftest_text, gcl_command_selftest, NULL},
    {"completion", "bash|zsh|fish", 1, 1, "what makes the shell complete ganocl's command lines",
     completion_text, gcl_command_completion, NULL},
    {"version", "", 0, 0, "version, revision and build options", NULL, gcl_command_version, NULL},
    {"help", "[COMMAND]", 0, 1, "help of the program or of a command", NULL, gcl_command_help,
     NULL},
    {0},
};
