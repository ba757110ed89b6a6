// Where windows lie on a picture; a sequence is a picture of one row.
#pragma once
#include "../kernels.hpp"

namespace chainrule {

struct Axis {
    long n, size, stride, dilation, before, count;

    // From the beginning of the first window to the end of the last one.
    long extent() const { return stride * (count - 1) + dilation * (size - 1) + 1; }
    // The way back as windows of its own: those of one stride, on the places of these, one for every place that these lie on.
    Axis turned() const { return {count, size, 1, dilation, dilation * (size - 1) - before, n}; }
};

struct Windows {
    Axis y, x;

    explicit Windows(const Options& o) {
        const auto all = o.all<int64_t>("windows");  // the attributes of an axis, for both axes each
        expect(all.size() == 12, "windows are told by 6 numbers for each of 2 axes");
        auto axis = [&](int d) { 
            return Axis{long(all[d]), long(all[2 + d]), long(all[4 + d]), long(all[6 + d]), long(all[8 + d]), long(all[10 + d])};
        };
        y = axis(0), x = axis(1);
        for (const Axis& a : {y, x})
            expect(a.n > 0 && a.size > 0 && a.stride > 0 && a.dilation > 0 && a.before >= 0 && a.count > 0, "there are no such windows");
    }
};

}  // namespace chainrule
