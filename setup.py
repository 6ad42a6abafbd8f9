"""Extensions of the compiled rooms; everything else is in pyproject.toml."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
sys.path.insert(0, str(ROOT / "build_backend"))

from compile_choice import compiled_files, wants_compile  # noqa: E402


class ParallelBuild(build_ext):
    """Compiles the many C files of the one big extension on all processors.

    setuptools compiles extensions in parallel, but the files of an extension one after another.
    """

    def build_extensions(self):
        compiler = self.compiler

        def compile_all(
            sources,
            output_dir=None,
            macros=None,
            include_dirs=None,
            debug=False,
            extra_preargs=None,
            extra_postargs=None,
            depends=None,
        ):
            macros, objects, extra_postargs, pp_opts, build = compiler._setup_compile(
                output_dir, macros, include_dirs, sources, depends, extra_postargs
            )
            cc_args = compiler._get_cc_args(pp_opts, debug, extra_preargs)

            def compile_one(target):
                source, extension = build[target]
                compiler._compile(target, source, extension, cc_args, extra_postargs, pp_opts)

            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                list(pool.map(compile_one, (target for target in objects if target in build)))
            return objects

        if compiler.compiler_type == "unix":
            compiler.compile = compile_all
        super().build_extensions()


class WithExamples(build_py):
    """Puts the examples, which the demo runs, beside the package in a wheel."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for file in sorted((ROOT / "examples").glob("*/*.*")):
                target = Path(self.build_lib, "fourtuple", file.relative_to(ROOT))
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))


extensions = []
if wants_compile():
    from mypyc.build import mypycify

    extensions = mypycify(
        ["--strict", "--python-version=3.11", *compiled_files(ROOT)],
        opt_level="2",
        debug_level="0",
        multi_file=True,
        group_name="fourtuple",
    )

setup(ext_modules=extensions, cmdclass={"build_ext": ParallelBuild, "build_py": WithExamples})
