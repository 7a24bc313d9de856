"""Write core/modelstore_core/formats/trusted_names.txt: the exact names that pickles of well-known objects hold.

Every name comes from an object that was really made, fitted and pickled here, and scanned by the scanner that guards
loads. What can run code, open files or import by name is left out, whatever pickles hold it. Review the difference
before committing it:

    python tools/generate_trusted_names.py && git diff core/modelstore_core/formats/trusted_names.txt
"""

import collections
import datetime as dt
import decimal
import fractions
import io
import pathlib
import pickle  # noqa: TID251 - the names are those that real pickles hold
import sys
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import scipy.sparse  # type: ignore[import-untyped] # scipy publishes no types
import sklearn.gaussian_process.kernels as gp
import xgboost
from sklearn import (
    compose,
    ensemble,
    feature_selection,
    gaussian_process,
    linear_model,
    metrics,
    model_selection,
    neighbors,
    pipeline,
    preprocessing,
    svm,
)
from sklearn.experimental import (  # noqa: F401 - importing is how these are enabled
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.utils import all_estimators

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "core"))

from modelstore_core.formats.opcodes import UnscannableError, scan  # noqa: E402 - found by the line above

TARGET = ROOT / "core" / "modelstore_core" / "formats" / "trusted_names.txt"

# Where other releases keep the same things; and in what pandas keeps text, with and without pyarrow.
ELSEWHERE = (
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "pandas.arrays.ArrowStringArray",
    "pandas.arrays.StringArray",
    "pandas.core.frame.DataFrame",
    "pandas.core.series.Series",
    "pathlib._local.PosixPath",
    "pathlib._local.PurePosixPath",
    "pyarrow.lib._restore_array",
    "pyarrow.lib.py_buffer",
    "pyarrow.lib.type_for_alias",
)
BUILTINS = frozenset(
    f"builtins.{kind.__name__}"
    for kind in (
        bool,
        bytearray,
        bytes,
        complex,
        dict,
        float,
        frozenset,
        int,
        list,
        object,
        range,
        set,
        slice,
        str,
        tuple,
    )
)
STANDARD = frozenset({"_codecs.encode", "copyreg._reconstructor"})
PACKAGES = frozenset(
    {"collections", "datetime", "decimal", "fractions", "pathlib", "uuid"}
    | {"lightgbm", "numpy", "pandas", "scipy", "sklearn", "xgboost"}
)
# Pickles of harmless objects hold these too, and they are not harmless: what imports by name or calls what it is
# given; what exists to run, test, load or fetch something; scipy's distributions, which execute a template that is
# part of their own pickled state.
REFUSED = (
    "numpy._core._ufunc_reconstruct",
    "numpy.core._ufunc_reconstruct",
    "numpy.f2py",
    "numpy.testing",
    "numpy.vectorize",
    "scipy.stats",
    "sklearn.datasets",
    "sklearn.utils._test",
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y_TWO = np.tile([0, 1], 30)
Y_CLASS = np.tile([0, 1, 2], 20)
Y_REG = X @ [1.0, -2.0, 0.5, 0.0]
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=np.tile(["x", "y"], 30))
TEXTS = ["the cat sat", "the dog ran", "a cat ran", "dogs and cats"] * 15
FUNCTIONS = (np.log, np.log1p, np.log2, np.log10, np.exp, np.expm1, np.sqrt, np.square, np.abs, np.sign, np.cbrt)
MASKED: tuple[Any, ...] = (
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float32",
    "Float64",
)


def fits() -> Iterator[tuple[Any, ...]]:
    """Arguments of `fit`, of which each estimator takes some."""
    yield X, Y_TWO
    yield X, Y_CLASS
    yield X, Y_REG
    yield FRAME, Y_TWO
    yield X.astype("float32"), Y_TWO.astype("int32")
    yield scipy.sparse.csr_matrix(np.abs(X)), Y_TWO
    yield np.abs(X).astype(int), Y_CLASS
    yield np.abs(X), np.abs(Y_REG) + 0.1
    yield X, np.column_stack([Y_REG, Y_REG])
    yield X, np.column_stack([Y_CLASS, Y_CLASS])
    yield X, np.eye(3, dtype=int)[Y_CLASS]
    yield (X,)
    yield X[:, 0], Y_REG
    yield (Y_CLASS,)
    yield ([("a", "b"), ("a",), ("b", "c")],)
    yield (TEXTS,)
    yield ([{"a": 1.0, "b": 2}, {"a": 3.0, "c": 1}],)


def instances(kind: Callable[..., Any]) -> Iterator[Any]:
    """The ways to make an estimator: by itself, or around others."""
    tree, logistic, ridge = ensemble.RandomForestClassifier(2), linear_model.LogisticRegression(), linear_model.Ridge()
    scale = ("scale", preprocessing.StandardScaler())
    for arguments in (
        {},
        {"estimator": logistic},
        {"estimator": ridge},
        {"estimator": svm.LinearSVC()},
        {"estimator": linear_model.LogisticRegression().fit(X, Y_TWO)},
        {"estimator": tree, "param_grid": {"max_depth": [2, 3]}, "cv": 2},
        {"estimator": tree, "param_distributions": {"max_depth": [2, 3]}, "cv": 2},
        {"estimators": [("one", logistic), ("two", tree)]},
        {"estimators": [("one", ridge), ("two", linear_model.Lasso())]},
        {"transformers": [("scale", preprocessing.StandardScaler(), [0, 1])]},
        {"transformer_list": [scale]},
        {"steps": [scale, ("model", logistic)]},
        {"dictionary": np.eye(4)},
        {"n_components": 2},
        {"dtype": np.float32},
        {"solver": "sgd"},
        {"method": "isotonic"},
        *({"score_func": getattr(feature_selection, name)} for name in ("f_regression", "chi2", "mutual_info_classif")),
    ):
        with suppress(Exception):  # most of these are not what this class is made of
            yield kind(**arguments)


def fitted(made: Iterable[Any]) -> Iterator[Any]:
    """Each estimator after every `fit` that it takes."""
    for model in made:
        for arguments in fits():
            with suppress(Exception):  # another kind of estimator
                yield model.fit(*arguments)


def estimators() -> Iterator[Any]:
    """Every public estimator of scikit-learn."""
    for _, kind in all_estimators():
        yield from fitted(instances(kind))


def variants() -> Iterator[Any]:
    """Parameters that put other classes or functions into the fitted estimator."""
    for source in (neighbours, losses, searches):
        yield from fitted(source())
    yield from fitted(gaussian_process.GaussianProcessRegressor(kernel, optimizer=None) for kernel in kernels())
    yield from fitted(preprocessing.FunctionTransformer(function) for function in FUNCTIONS)
    yield from fitted([compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1)])
    table = compose.make_column_transformer(
        (preprocessing.OneHotEncoder(dtype=np.float32), compose.make_column_selector(dtype_exclude="number")),
        (preprocessing.StandardScaler(), ["a", "b"]),
        remainder="passthrough",
    )
    yield from fitted([table, pipeline.make_pipeline(table, linear_model.LogisticRegression())])


def neighbours() -> Iterator[Any]:
    """Every metric, for each way to search."""
    for algorithm in ("kd_tree", "ball_tree", "brute"):
        for metric in sorted(neighbors.VALID_METRICS[algorithm]):
            yield neighbors.KNeighborsClassifier(3, algorithm=algorithm, metric=metric)


def losses() -> Iterator[Any]:
    """Every loss that has classes of its own."""
    for loss in ("squared_error", "absolute_error", "gamma", "poisson", "quantile"):
        yield ensemble.HistGradientBoostingRegressor(loss=loss, quantile=0.5, max_iter=3)
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield ensemble.GradientBoostingRegressor(loss=loss, n_estimators=2)
    for loss in ("log_loss", "exponential"):
        yield ensemble.GradientBoostingClassifier(loss=loss, n_estimators=2)
    for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron"):
        yield linear_model.SGDClassifier(loss=loss)
    for loss in ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"):
        yield linear_model.SGDRegressor(loss=loss)
    for power in (0, 1, 1.5, 2, 3):
        yield linear_model.TweedieRegressor(power=power, link="log")


def searches() -> Iterator[Any]:
    """Every scorer and every cross-validator."""
    for name in metrics.get_scorer_names():
        yield model_selection.GridSearchCV(linear_model.LogisticRegression(), {"C": [1.0]}, scoring=name, cv=2)
    for name in model_selection.__all__:
        kind = getattr(model_selection, name)
        if isinstance(kind, type) and hasattr(kind, "split"):
            with suppress(TypeError):  # those that must be told a number of groups
                yield model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}, cv=kind())


def kernels() -> Iterator[Any]:
    """One of each kernel, and their combinations."""
    yield from (gp.RBF(), gp.Matern(), gp.RationalQuadratic(), gp.ExpSineSquared(), gp.DotProduct(), gp.WhiteKernel())
    yield from (gp.ConstantKernel() * gp.RBF(), gp.RBF() + gp.WhiteKernel(), gp.RBF() ** 2, gp.PairwiseKernel())
    yield gp.CompoundKernel([gp.RBF(), gp.Matern()])


def boosted() -> Iterator[Any]:
    """The scikit-learn faces of LightGBM and XGBoost, and their boosters."""
    quiet: dict[str, Any] = {"n_estimators": 2, "verbose": -1, "min_child_samples": 1}
    yield lightgbm.LGBMClassifier(**quiet).fit(X, Y_CLASS)
    yield lightgbm.LGBMRegressor(**quiet).fit(FRAME.assign(e=FRAME["e"].astype("category")), Y_REG)
    yield lightgbm.LGBMRanker(**quiet).fit(X, Y_CLASS, group=[30, 30])
    yield lightgbm.LGBMModel(objective="regression", **quiet).fit(X, Y_REG, eval_set=[(X, Y_REG)])
    yield lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y_REG), 2)
    for kind in (xgboost.XGBClassifier, xgboost.XGBRFClassifier):
        yield kind(n_estimators=2).fit(X, Y_CLASS)
    for kind in (xgboost.XGBRegressor, xgboost.XGBRFRegressor, xgboost.XGBModel):
        yield kind(n_estimators=2, objective="reg:squarederror").fit(X, Y_REG)
    yield xgboost.XGBRanker(n_estimators=2).fit(X, Y_CLASS, qid=np.repeat([0, 1], 30))
    yield xgboost.train({}, xgboost.DMatrix(X, Y_REG), 2)


def arrays() -> Iterator[Any]:
    """Arrays, scalars, dtypes and random states of numpy; sparse matrices of scipy."""
    for dtype in (*"?bhilBHILefdFDO", "U3", "S3", "M8[ns]", "m8[s]"):
        array = np.zeros((2, 3), dtype=dtype)
        yield from (array, np.asfortranarray(array), array[::2], array[0, 0], array.dtype, array.dtype.type)
    yield from (np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]), np.ma.masked_array([1, 2], [True, False]))
    yield from (np.random.RandomState(0), np.random.default_rng(0), np.random.SeedSequence(0))
    for kind in (np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64):
        yield from (kind(0), np.random.Generator(kind(0)))
    for form in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil"):
        for name in (f"{form}_matrix", f"{form}_array"):
            yield getattr(scipy.sparse, name)(np.eye(3))


def frames() -> Iterator[Any]:
    """Frames, series and indexes of pandas, with columns of every common kind."""
    times = pd.date_range("2020-01-01", periods=2)
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "f": [1.5, None],
            "s": ["a", "b"],
            "b": [True, False],
            "t": times,
            "z": times.tz_localize("UTC"),
            "d": pd.to_timedelta([1, 2]),
            "c": pd.Categorical(["a", "b"]),
            "o": pd.Series([1, "a"], dtype=object),
            "B": pd.array([True, None], dtype="boolean"),
            "S": pd.array(["a", None], dtype="string"),
            "p": pd.period_range("2020", periods=2, freq="D"),
            "v": pd.interval_range(0, 2),
            **{kind: pd.Series([1, None], dtype=kind) for kind in MASKED},
        }
    )
    yield frame
    for name in frame.columns:
        yield from (frame[[name]], frame[name], frame.set_index(name), pd.Index(frame[name]), frame[name].dtype)
        yield frame[name].iloc[0]
    yield from (pd.MultiIndex.from_product([[1, 2], ["a"]]), frame.set_index(["i", "s"]), pd.NA, pd.NaT)


def plain() -> Iterator[Any]:
    """What the standard library's containers and values need."""
    yield from ({1}, frozenset({1}), bytearray(b"a"), 1j, slice(1), range(3), b"bytes", object())
    yield from (complex, dict, float, int, list, set, str, tuple, bool)
    yield from (
        collections.OrderedDict(a=1),
        collections.Counter("a"),
        collections.deque(),
        collections.defaultdict(int),
    )
    yield from (dt.date(2020, 1, 1), dt.time(1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.timedelta(1))
    yield from (dt.UTC, dt.timezone(dt.timedelta(hours=1)), decimal.Decimal(1), fractions.Fraction(1, 2))
    yield from (uuid.UUID(int=1), pathlib.PurePosixPath("a"), pathlib.PosixPath("a"))


def names(model: Any) -> Iterator[str]:
    """The names that the object's pickles hold: the protocols between these hold no others."""
    for protocol in (0, 2, pickle.HIGHEST_PROTOCOL):
        with suppress(pickle.PicklingError, TypeError, AttributeError, ValueError, UnscannableError):
            yield from scan(io.BytesIO(pickle.dumps(model, protocol))).names.values()


def is_listed(name: str) -> bool:
    """Whether a name that was found may stand in the list."""
    if name in BUILTINS or name in STANDARD:
        return True
    return name.partition(".")[0] in PACKAGES and not name.startswith(REFUSED)


def main(target: pathlib.Path = TARGET) -> None:
    """Collect the names and write the file."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    found = set(ELSEWHERE)
    for source in (plain, arrays, frames, boosted, variants, estimators):
        before = len(found)
        for model in source():
            found.update(name for name in names(model) if is_listed(name))
        sys.stderr.write(f"{source.__name__}: {len(found) - before} names\n")
    header = '# Exact names that trust="listed" allows. Written by tools/generate_trusted_names.py.\n'
    target.write_text(header + "".join(f"{name}\n" for name in sorted(found)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:2]))
